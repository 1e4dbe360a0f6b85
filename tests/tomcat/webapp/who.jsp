<%@ page trimDirectiveWhitespaces="true" session="false" contentType="text/plain; charset=UTF-8" %>
<%
    // Says which Tomcat answers, and makes no session: thousands a second are replicated until
    // the memory of both is full.
%>
Hello from <%= application.getInitParameter("tomcat") %>
