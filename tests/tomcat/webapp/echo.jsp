<%@ page trimDirectiveWhitespaces="true" session="false" import="java.io.*" %>
<%
    // Answers with the body it was sent; "length" says whether the answer announces its length.
    byte[] body = request.getInputStream().readAllBytes();
    response.setContentType("application/octet-stream");
    response.setHeader("X-Length", String.valueOf(request.getContentLengthLong()));
    if (request.getParameter("length") != null) {
        response.setContentLength(body.length);
    }
    out.clear();
    out = pageContext.pushBody();
    OutputStream bytes = response.getOutputStream();
    if (request.getParameter("length") == null) {
        // An early flush commits the response, so Tomcat cannot compute the length by itself.
        response.flushBuffer();
    }
    bytes.write(body);
    bytes.close();
%>
