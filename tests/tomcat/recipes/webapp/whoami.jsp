<%@ page trimDirectiveWhitespaces="true" session="false" contentType="text/plain; charset=UTF-8"
    import="java.security.cert.X509Certificate" %>
<%
    // What httpd says of the client.
    out.println("user " + request.getRemoteUser());
    out.println("from " + request.getRemoteAddr());
    out.println("url " + request.getRequestURL());
    out.println("secure " + request.isSecure());
    for (String name : new String[] {"eppn", "mail", "displayName"}) {
        out.println(name + " " + request.getAttribute(name));
    }
    Object found = request.getAttribute("jakarta.servlet.request.X509Certificate");
    if (found != null) {
        for (X509Certificate own : (X509Certificate[]) found) {
            out.println("certificate " + own.getSubjectX500Principal());
        }
    }
%>
