<%@ page trimDirectiveWhitespaces="true" session="false" import="java.io.*" %>
<%
    // Sends "bytes" bytes; byte n is n * 31 + n / 251 modulo 256, so that a lost, doubled or moved
    // piece of any size shows.
    long size = Long.parseLong(request.getParameter("bytes"));
    response.setContentType("application/octet-stream");
    if (request.getParameter("length") != null) {
        response.setContentLengthLong(size);
    }
    out.clear();
    out = pageContext.pushBody();
    OutputStream bytes = new BufferedOutputStream(response.getOutputStream(), 32768);
    for (long n = 0; n < size; n++) {
        bytes.write((int) (n * 31 + n / 251));
    }
    bytes.close();
%>
