// The GraphiQL page: a token field, the examples as tabs, queries over HTTP, subscriptions over a WebSocket.
"use strict";

const field = document.getElementById("token");
const who = document.getElementById("who");
const endpoint = new URL("/graphql", location.href);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

// `/graphql#token=…` opens the page signed in: what follows the # is never sent to a server.
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) history.replaceState(null, "", location.pathname);
field.value = given ?? sessionStorage.getItem("token") ?? "";
field.addEventListener("input", remember);
document.getElementById("bar").addEventListener("submit", (event) => event.preventDefault());
remember();

function remember() {
  const token = field.value.trim();
  sessionStorage.setItem("token", token);
  who.textContent = token ? describe(token) : "not signed in";
}

function describe(token) {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    const until = new Date(claims.exp * 1000);
    return `${claims.role} ${claims.email ?? claims.sub ?? ""} until ${until.toLocaleTimeString()}`;
  } catch {
    return "not a token";
  }
}

/** The headers of the editor, and the token's, unless the editor has one. */
function headersOf(options) {
  const headers = { ...options?.headers };
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  const token = field.value.trim();
  if (token && !named) headers.authorization = `Bearer ${token}`;
  return headers;
}

/** The document's operations; none when it cannot be parsed, which the server explains better. */
function operationsOf(query) {
  try {
    return GraphiQL.GraphQL.parse(query).definitions.filter((node) => node.kind === "OperationDefinition");
  } catch {
    return [];
  }
}

async function overHttp(parameters, options) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json",
      "content-type": "application/json",
      ...headersOf(options),
    },
    body: JSON.stringify(parameters),
  });
  return response.json();
}

function overWebSocket(parameters, options) {
  const client = graphqlWs.createClient({
    url: socket.href,
    connectionParams: () => headersOf(options),
    retryAttempts: 0,
  });
  return client.iterate(parameters);
}

/** GraphiQL looks into an editor only after a pause: until then, what it names is an operation of the tab before. */
function fetcher(parameters, options) {
  const operations = operationsOf(parameters.query);
  const named = operations.find((node) => node.name?.value === parameters.operationName);
  const chosen = named ?? (operations.length === 1 ? operations[0] : undefined);
  const asked = chosen ? { ...parameters, operationName: chosen.name?.value } : parameters;
  return chosen?.operation === "subscription" ? overWebSocket(asked, options) : overHttp(asked, options);
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: JSON.parse(document.getElementById("examples").textContent),
    defaultEditorToolsVisibility: "variables",
    shouldPersistHeaders: false,
  }),
);
