<%@ page contentType="text/html; charset=UTF-8" import="java.util.*" %>
<%!
    /** Text of a visitor, safe inside HTML. */
    static String escaped(Object value) {
        return String.valueOf(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
%>
<html><head><title>Cluster App Test</title></head>
<body>
Server: <%= application.getInitParameter("tomcat") %><br>
ID <%= session.getId() %><br>
<%
    request.setCharacterEncoding("UTF-8");
    String given = request.getParameter("dataName");
    if (given != null && given.length() > 0) {
        String value = request.getParameter("dataValue");
        session.setAttribute(given, value == null ? "" : value);
    }
%>
<b>Session</b><br>
<%
    for (Enumeration<String> names = session.getAttributeNames(); names.hasMoreElements();) {
        String name = names.nextElement();
        Object value = session.getAttribute(name);
        out.println(escaped(name) + " = " + escaped(value) + "<br>");
        System.out.println(name + " = " + value);
    }
%>
<form action="index.jsp" method="POST">
    Name: <input type="text" size="20" name="dataName"><br>
    Value: <input type="text" size="20" name="dataValue"><br>
    <input type="submit">
</form>
</body>
</html>
