<%@ page trimDirectiveWhitespaces="true" session="false" contentType="text/plain" import="jakarta.servlet.http.Part" %>
<%
    // The parts of a form with files.
    for (Part part : request.getParts()) {
        out.println(part.getName() + " " + part.getSize());
    }
%>
