/**
 * The limit of `query`: a process with Apollo Server on Fastify and nothing else. It tells its parent where it listens
 * and ends with it.
 */
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginLandingPageDisabled } from "@apollo/server/plugin/disabled";
import { fastifyApolloHandler } from "@as-integrations/fastify";
import fastify from "fastify";

const apollo = new ApolloServer({
  typeDefs: "type Query { ok: Boolean }",
  stopOnTerminationSignals: false,
  plugins: [ApolloServerPluginLandingPageDisabled()],
});
await apollo.start();
const server = fastify();
server.route({ method: ["GET", "POST"], url: "/graphql", handler: fastifyApolloHandler(apollo) });
const url = await server.listen({ host: "127.0.0.1", port: 0 });
process.once("disconnect", () => process.exit());
process.send?.(url);
