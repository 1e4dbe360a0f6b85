<%@ page trimDirectiveWhitespaces="true" session="false" import="java.util.*" contentType="text/plain; charset=UTF-8" %>
<%
    // One line for each thing the application is told.
    out.println("tomcat " + application.getInitParameter("tomcat"));
    out.println("method " + request.getMethod());
    out.println("uri " + request.getRequestURI());
    out.println("query " + request.getQueryString());
    out.println("remote " + request.getRemoteAddr());
    out.println("server " + request.getServerName() + " " + request.getServerPort());
    out.println("secure " + request.isSecure());
    for (String name : Collections.list(request.getHeaderNames())) {
        for (String value : Collections.list(request.getHeaders(name))) {
            out.println("header " + name.toLowerCase(Locale.ROOT) + "=" + value);
        }
    }
%>
