<%@ page trimDirectiveWhitespaces="true" contentType="text/plain" %>
<%
    // Begins a session and counts its requests.
    Integer count = (Integer) session.getAttribute("count");
    session.setAttribute("count", count == null ? 1 : count + 1);
    out.print(application.getInitParameter("tomcat") + " " + session.getAttribute("count"));
%>
