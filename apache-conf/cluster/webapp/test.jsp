<%
    out.println("Hello from " + System.getProperty("route"));
    System.out.println("==========  test  ========");
%>
