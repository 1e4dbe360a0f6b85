<%@ page trimDirectiveWhitespaces="true" session="false" contentType="text/plain" %>
<%= application.getInitParameter("tomcat") %>
