<%
    out.println("Hello from " + application.getInitParameter("tomcat"));
    System.out.println("==========  test  ========");
%>
