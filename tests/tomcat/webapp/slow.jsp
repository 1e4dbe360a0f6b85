<%@ page trimDirectiveWhitespaces="true" session="false" import="jakarta.servlet.*" %>
<%
    // Answers after "ms" milliseconds: on its own thread, or with "async" on another one, with
    // "flush" after a first part.
    long ms = Long.parseLong(request.getParameter("ms"));
    if (request.getParameter("flush") != null) {
        out.print("first ");
        out.flush();
        response.flushBuffer();
    }
    if (request.getParameter("async") == null) {
        Thread.sleep(ms);
        out.print("late");
    } else {
        request.setAttribute("org.apache.catalina.ASYNC_SUPPORTED", Boolean.TRUE);
        AsyncContext context = request.startAsync();
        context.setTimeout(60000);
        Thread worker = new Thread(() -> {
            try {
                Thread.sleep(ms);
                context.getResponse().getWriter().print("late");
            } catch (Exception why) {
                throw new IllegalStateException(why);
            } finally {
                context.complete();
            }
        });
        worker.start();
    }
%>
