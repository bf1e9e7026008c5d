// An OpenID provider (npm's oidc-provider) for the lab. One argument: JSON, as scripts/lab/oidc.py writes it.
// Its keys are new at each start. A resource `https://lab.test/ALGORITHM/SECONDS/AUDIENCE` says what token it gives.
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const options = JSON.parse(process.argv[2]);
const { Provider } = await import(options.module);

const made = [
  ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 })],
  ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" })],
  ["EdDSA", generateKeyPairSync("ed25519")],
];
const keys = made.map(([alg, pair]) => ({ ...pair.privateKey.export({ format: "jwk" }), alg, use: "sig" }));

const machine = (client_id) => ({
  client_id,
  client_secret: options.secret,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: "client_secret_post",
});
const person = {
  client_id: options.audience,
  client_secret: options.secret,
  redirect_uris: [`${options.issuer}/callback`],
  id_token_signed_response_alg: "ES256",
  token_endpoint_auth_method: "client_secret_post",
};

const provider = new Provider(options.issuer, {
  clients: [...options.machines.map(machine), person],
  claims: { openid: ["sub", "department"] },
  conformIdTokenClaims: false,
  cookies: { keys: [options.secret] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256"] },
  extraTokenClaims: () => options.claims,
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_context, resource) => {
        const [, alg, seconds, audience] = new URL(resource).pathname.split("/");
        return {
          scope: "",
          audience: decodeURIComponent(audience),
          accessTokenFormat: "jwt",
          accessTokenTTL: Number(seconds),
          jwt: { sign: { alg } },
        };
      },
    },
  },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, department: "finance" }) }),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  jwks: { keys },
  pkce: { required: () => false },
});

// Whoever comes is logged in as `login_hint`, and agrees to everything.
provider.use(async (context, next) => {
  if (!context.path.startsWith("/interaction/")) {
    return next();
  }
  const { params, prompt, session } = await provider.interactionDetails(context.req, context.res);
  if (prompt.name === "login") {
    return provider.interactionFinished(context.req, context.res, { login: { accountId: params.login_hint } });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope("openid");
  const result = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: true });
});

const tls = { cert: readFileSync(options.certificate), key: readFileSync(options.key) };
createServer(tls, provider.callback()).listen(options.port, "127.0.0.1");
