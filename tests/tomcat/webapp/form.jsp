<%@ page trimDirectiveWhitespaces="true" session="false" contentType="text/plain; charset=UTF-8" %>
<%
    // What a servlet gets of a form: its parameters, which Tomcat reads from the body.
    request.setCharacterEncoding("UTF-8");
    out.print(request.getContentLengthLong() + " " + request.getParameterMap().size());
    out.print(" a=" + request.getParameter("a") + " b=" + request.getParameter("b"));
%>
