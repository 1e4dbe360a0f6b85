<%@ page session="false" %><%
    // Tomcat makes a full URL of it, from what it was told of the client's.
    response.sendRedirect("/start");
%>
