<%@ page trimDirectiveWhitespaces="true" session="false" contentType="text/plain" %>
<%
    // Answers late.
    Thread.sleep(Long.parseLong(request.getParameter("ms")));
    out.print("late");
%>
