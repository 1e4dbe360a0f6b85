<%@ page trimDirectiveWhitespaces="true" session="false" import="java.io.*,java.util.zip.*" %>
<%
    // Reads what is sent and answers with its size and checksum.
    CRC32 sum = new CRC32();
    long size = 0;
    byte[] part = new byte[32768];
    InputStream body = request.getInputStream();
    for (int got = body.read(part); got >= 0; got = body.read(part)) {
        sum.update(part, 0, got);
        size += got;
    }
    out.print(size + " " + sum.getValue());
%>
