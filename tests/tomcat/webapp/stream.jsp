<%@ page trimDirectiveWhitespaces="true" session="false" import="java.io.*" %>
<%
    // Says after each read how much it got, so that both directions are seen to flow.
    response.setContentType("text/plain");
    out.clear();
    out = pageContext.pushBody();
    OutputStream answer = response.getOutputStream();
    InputStream body = request.getInputStream();
    byte[] part = new byte[1000];
    for (int got = body.read(part); got >= 0; got = body.read(part)) {
        answer.write(("got " + got + "\n").getBytes());
        response.flushBuffer();
    }
    answer.write("end\n".getBytes());
    answer.close();
%>
