<%@ page session="false" contentType="text/plain;charset=UTF-8" trimDirectiveWhitespaces="true" %><%!
    // The bytes that responder.rs makes.
    private static final byte[] BYTES = new byte[64 * 1024];
    static {
        for (int at = 0; at < BYTES.length; at++) {
            BYTES[at] = (byte) ('a' + at % 23);
        }
    }
%><%
    byte[] answer = BYTES;
    int length = 128;
    if ("POST".equals(request.getMethod())) {
        java.io.InputStream body = request.getInputStream();
        byte[] part = new byte[8192];
        long sum = 0;
        for (int got = body.read(part); got >= 0; got = body.read(part)) {
            sum += got;
        }
        answer = Long.toString(sum).getBytes();
        length = answer.length;
    } else if (request.getQueryString() != null) {
        length = Integer.parseInt(request.getQueryString());
    }
    response.setContentLength(length);
    response.setHeader("X-Served-By", "tomcat");
    response.getOutputStream().write(answer, 0, length);
%>
