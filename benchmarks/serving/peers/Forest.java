import com.fasterxml.jackson.databind.ObjectMapper;
import hex.genmodel.MojoModel;
import java.io.IOException;
import java.util.Map;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.AbstractHandler;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** A MOJO behind Jetty and Jackson: java -cp .:h2o.jar Forest forest.zip PORT. */
public final class Forest extends AbstractHandler {
    /** The members of a request. */
    public static final class Rows {
        public String[] fields;
        public String[][] rows;
    }

    private final ObjectMapper json = new ObjectMapper();
    private final MojoModel model;

    private Forest(MojoModel model) {
        this.model = model;
    }

    @Override
    public void handle(String target, Request base, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        Rows sent = json.readValue(request.getInputStream(), Rows.class);
        int width = model.nfeatures();
        int classes = model.nclasses();
        double[] row = new double[width];
        double[] found = new double[model.getPredsSize()];
        String[][] scores = new String[sent.rows.length][classes];
        for (int r = 0; r < sent.rows.length; r++) {
            for (int c = 0; c < width; c++) row[c] = Double.parseDouble(sent.rows[r][c]);
            model.score0(row, found);
            for (int k = 0; k < classes; k++) scores[r][k] = Double.toString(found[k + 1]);
        }
        response.setContentType("application/json");
        json.writeValue(response.getOutputStream(), Map.of("score", scores));
        base.setHandled(true);
    }

    public static void main(String[] arguments) throws Exception {
        Server server = new Server(new QueuedThreadPool(32, 4));
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(arguments[1]));
        server.addConnector(connector);
        server.setHandler(new Forest(MojoModel.load(arguments[0])));
        server.start();
        server.join();
    }
}
