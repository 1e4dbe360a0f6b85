<%@ page trimDirectiveWhitespaces="true" session="false" buffer="none" %>
<%
    // Two ways in which Tomcat gives a response up without a word: an exception after the response
    // was committed, and a header that does not fit into a packet.
    if (request.getParameter("header") != null) {
        response.setHeader("X-Big", "x".repeat(20000));
        out.print("never seen");
    } else {
        out.print("some");
        response.flushBuffer();
        throw new IllegalStateException("after the commit");
    }
%>
