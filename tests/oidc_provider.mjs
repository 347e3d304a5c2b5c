// A real OpenID Connect provider (npm oidc-provider) on loopback, for tests: whoever POST /_account names is signed in
// without being asked, and POST /_lie makes the next ID tokens wrong in one way, properly signed all the same.
// node oidc_provider.mjs NODE_MODULES REDIRECT_URI: prints its issuer.
import { generateKeyPairSync, createPublicKey } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [modules, back] = process.argv.slice(2);
const load = async (path) => import(pathToFileURL(`${modules}/${path}`).href);
const { default: Provider } = await load("oidc-provider/lib/index.js");
const jose = await load("jose/dist/webapi/index.js");

const made = (kid) => ({ ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }), kid, alg: "RS256", use: "sig" });
const own = made("own"), strange = made("strange");
const SECRET = "a secret of the client's that is long enough";
let account = { sub: "u-1", preferred_username: "nora", groups: ["soc-analysts"] }, lie = "", inToken = true;

const server = createServer().listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "keyturn", client_secret: SECRET, redirect_uris: [back], response_types: ["code"], grant_types: ["authorization_code"] }],
    jwks: { keys: [own] },
    cookies: { keys: ["only for tests"] },
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
    ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 60, Session: 600, Grant: 600, Interaction: 600 },
    interactions: { url: (_, interaction) => `/_interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => account }),
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === "/token" && ctx.body?.id_token) ctx.body.id_token = await told(ctx.body.id_token);
  });
  const serve = provider.callback();
  server.on("request", async (request, response) => {
    const path = new URL(request.url, issuer).pathname;
    if (request.method === "POST" && path.startsWith("/_")) {
      const said = JSON.parse(await text(request));
      if (path === "/_account") account = said;
      if (path === "/_lie") ({ lie = "", inToken = true } = said);
      response.end("{}");
    } else if (path.startsWith("/_interaction/")) {
      await interact(provider, request, response).catch((error) => response.writeHead(500).end(String(error)));
    } else serve(request, response);
  });
  console.log(issuer);
});

async function interact(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  let result;
  if (prompt.name === "login") result = { login: { accountId: account.sub } };
  else {
    const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result = { consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

async function told(token) {
  const claims = jose.decodeJwt(token), header = { alg: "RS256", kid: "own" }, now = Math.floor(Date.now() / 1000);
  if (!inToken) for (const name of ["groups", "preferred_username"]) delete claims[name];
  const change = {
    nonce: { nonce: "another" }, "no-nonce": { nonce: undefined }, audience: { aud: "another" },
    "audiences": { aud: ["keyturn", "another"] }, party: { aud: ["keyturn", "another"], azp: "another" },
    expired: { iat: now - 400, exp: now - 300 }, old: { iat: now - 4000 }, issuer: { iss: "http://127.0.0.1:1" },
    "no-subject": { sub: undefined }, "early": { nbf: now + 4000 }, hash: { at_hash: "AAAA" },
  }[lie];
  const said = { ...claims, ...change }, encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  if (lie === "none") return `${encode({ alg: "none" })}.${encode(said)}.`;
  if (lie === "shared") return sign(said, { alg: "HS256", kid: "own" }, Buffer.from(SECRET));
  if (lie === "confused") {
    const pem = createPublicKey({ key: own, format: "jwk" }).export({ type: "spki", format: "pem" });
    return sign(said, { alg: "HS256", kid: "own" }, Buffer.from(pem));
  }
  if (lie === "strange") return sign(said, { alg: "RS256", kid: "strange" }, await jose.importJWK(strange));
  if (lie === "forged") return sign(said, header, await jose.importJWK(strange));
  if (lie === "embedded") {
    const { kty, n, e } = strange;
    return sign(said, { alg: "RS256", jwk: { kty, n, e } }, await jose.importJWK(strange));
  }
  return sign(said, header, await jose.importJWK(own));
}

const sign = (claims, header, key) => new jose.SignJWT(claims).setProtectedHeader(header).sign(key);

async function text(request) {
  let found = "";
  for await (const chunk of request) found += chunk;
  return found;
}
