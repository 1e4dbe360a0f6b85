<%@ page session="false" %><%
    // An application that refuses a request itself, without reading its body.
    response.sendError(403);
%>
