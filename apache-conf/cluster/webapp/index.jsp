<%@ page contentType="text/html; charset=UTF-8" %>
<%@ page import="java.util.*" %>
<html><head><title>Cluster App Test</title></head>
<body>
Server: <%= System.getProperty("route") %><br>
ID <%= session.getId() %><br>
<%
    String name = request.getParameter("dataName");
    if (name != null && name.length() > 0) {
        session.setAttribute(name, request.getParameter("dataValue"));
    }
    Enumeration<String> names = session.getAttributeNames();
    while (names.hasMoreElements()) {
        String own = names.nextElement();
        out.println(own + " = " + session.getAttribute(own) + "<br>");
    }
%>
<form action="index.jsp" method="POST">
    Name: <input type="text" size="20" name="dataName"><br>
    Value: <input type="text" size="20" name="dataValue"><br>
    <input type="submit">
</form>
</body>
</html>
