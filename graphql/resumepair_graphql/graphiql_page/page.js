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

function isSubscription(parameters, options) {
  const operations = (options?.documentAST?.definitions ?? []).filter((node) => node.kind === "OperationDefinition");
  const chosen = operations.find((node) => node.name?.value === parameters.operationName) ?? operations[0];
  return chosen?.operation === "subscription";
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

function fetcher(parameters, options) {
  return isSubscription(parameters, options) ? overWebSocket(parameters, options) : overHttp(parameters, options);
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: JSON.parse(document.getElementById("examples").textContent),
    defaultEditorToolsVisibility: "variables",
    shouldPersistHeaders: false,
  }),
);
