import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { deriveKey, isSignedWith, readSignature } from "../../src/access/aws/read-signature.ts";
import { SignatureError } from "../../src/access/aws/signature-error.ts";
import type { SignedRequest } from "../../src/access/aws/signed-request.ts";

/*
 * Requests of an attacker: one who caught a signed request and changes it, and one who has a key and leaves out of the
 * signature what should be in it. Each is refused, by the code that its client shows.
 */

const secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12";
const stamp = "20261130T032500Z";
const now = Date.UTC(2026, 10, 30, 3, 25);
const scope = "20261130/us-east-1/ecr/aws4_request";
const target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

interface Wish {
  readonly scope?: string;
  readonly stamp?: string;
  readonly signed?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly payload?: string;
  readonly path?: string;
  readonly query?: string;
}

const plain: Record<string, string> = {
  "content-type": "application/x-amz-json-1.1",
  host: "registry.example:5000",
  "x-amz-date": stamp,
  "x-amz-target": target,
};

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Signs as the specification says, in few words; `signed` need not be all of the headers. */
function signatureOf(lines: readonly string[], at: string, of: string): string {
  const [day, region, service, end] = of.split("/") as [string, string, string, string];
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), end);
  return hmac(key, ["AWS4-HMAC-SHA256", at, of, sha256(lines.join("\n"))].join("\n")).toString("hex");
}

/** A request with its signature in a header. */
function sign(wish: Wish = {}): SignedRequest & { readonly headers: string[] } {
  const headers = { ...plain, ...wish.headers };
  const { path = "/", query = "", body = "{}", signed = Object.keys(headers).toSorted() } = wish;
  const lines = signed.map((name) => `${name}:${headers[name]}`);
  const payload = wish.payload ?? sha256(body);
  const canonical = ["POST", path, query, ...lines, "", signed.join(";"), payload];
  const of = wish.scope ?? scope;
  const signature = signatureOf(canonical, wish.stamp ?? headers["x-amz-date"]!, of);
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/${of}, SignedHeaders=${signed.join(";")}, Signature=${signature}`;
  return {
    ...{ method: "POST", path, query, body: Buffer.from(body) },
    headers: [...Object.entries(headers).flat(), "authorization", authorization],
  };
}

/** A signed address of STS. */
function address(more: Readonly<Record<string, string>> = {}, signed = "host"): SignedRequest {
  const parameters: Record<string, string> = {
    Action: "GetCallerIdentity",
    Version: "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20261130/us-east-1/sts/aws4_request",
    "X-Amz-Date": stamp,
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": signed,
    ...more,
  };
  const query = Object.entries(parameters)
    .map((pair) => pair.map(encodeURIComponent).join("="))
    .toSorted()
    .join("&");
  const headers = { host: "registry.example:5000" };
  const lines = signed.split(";").map((name) => `${name}:${headers[name as "host"] ?? ""}`);
  const canonical = ["GET", "/", query, ...lines, "", signed, sha256("")];
  const signature = signatureOf(canonical, parameters["X-Amz-Date"]!, "20261130/us-east-1/sts/aws4_request");
  return {
    ...{ method: "GET", path: "/", query: `${query}&X-Amz-Signature=${signature}`, body: Buffer.alloc(0) },
    headers: Object.entries(headers).flat(),
  };
}

/** `taken`, or the code of the refusal. */
function judge(request: SignedRequest, service = "ecr", at = now): string {
  try {
    const claimed = readSignature(request, { service, now: at });
    return isSignedWith(claimed, deriveKey(secret, claimed)) ? "taken" : "InvalidSignatureException";
  } catch (error) {
    if (error instanceof SignatureError) return error.code;
    throw error;
  }
}

/** The header with its value made another. */
function swap({ headers, ...request }: SignedRequest, name: string, change: (value: string) => string): SignedRequest {
  const at = headers.findIndex((one, index) => index % 2 === 0 && one.toLowerCase() === name);
  return { ...request, headers: headers.map((one, index) => (index === at + 1 ? change(one) : one)) };
}

function add({ headers, ...request }: SignedRequest, ...more: readonly string[]): SignedRequest {
  return { ...request, headers: [...headers, ...more] };
}

function drop({ headers, ...request }: SignedRequest, name: string): SignedRequest {
  const at = headers.findIndex((one, index) => index % 2 === 0 && one.toLowerCase() === name);
  return { ...request, headers: headers.filter((_, index) => index !== at && index !== at + 1) };
}

const authorizationOf = (change: (value: string) => string) => swap(sign(), "authorization", change);
const queryOf = (change: (query: string) => string) => ({ ...address(), query: change(address().query) });
const withToken = { headers: { "x-amz-security-token": "session" } };
const [missing, incomplete, invalid] = [
  "MissingAuthenticationTokenException",
  "IncompleteSignatureException",
  "InvalidSignatureException",
];

test("what these attacks begin with is taken", () => {
  expect(judge(sign())).toBe("taken");
  expect(judge(sign(withToken))).toBe("taken");
  expect(judge(address(), "sts")).toBe("taken");
});

test.each<[string, string, SignedRequest, string?, number?]>([
  ["no signature", missing, drop(sign(), "authorization")],
  ["a password in its place", incomplete, authorizationOf(() => "Basic QVdTOnNlY3JldA==")],
  ["another algorithm", incomplete, authorizationOf((text) => text.replace("HMAC", "ECDSA-P256"))],
  ["no credential", incomplete, authorizationOf((text) => text.replace(/Credential=\S+ /, ""))],
  ["no signed headers", incomplete, authorizationOf((text) => text.replace(/SignedHeaders=\S+ /, ""))],
  ["no signature after all", incomplete, authorizationOf((text) => text.replace(/, Signature=.*/, ""))],
  ["an empty signature", incomplete, authorizationOf((text) => text.replace(/Signature=.*/, "Signature="))],
  ["two signatures", incomplete, authorizationOf((text) => `${text}, Signature=${"0".repeat(64)}`)],
  ["a parameter that nobody knows", incomplete, authorizationOf((text) => `${text}, Key=x`)],
  ["a signature cut short", invalid, authorizationOf((text) => text.slice(0, -1))],
  ["a signature of one digit", invalid, authorizationOf((text) => text.replace(/Signature=.*/, "Signature=0"))],
  ["a signature that goes on", invalid, authorizationOf((text) => `${text}0`)],
  [
    "a signature in capitals",
    invalid,
    authorizationOf((text) => text.replace(/[0-9a-f]{64}$/, (hex) => hex.toUpperCase())),
  ],
  ["a signature of zeros", invalid, authorizationOf((text) => text.replace(/[0-9a-f]{64}$/, "0".repeat(64)))],
  ["another key's name", incomplete, authorizationOf((text) => text.replace("AKIA", "AKIA/"))],
  ["a scope with a part more", incomplete, authorizationOf((text) => text.replace("/aws4_request", "/x/aws4_request"))],
  ["another end of the scope", incomplete, authorizationOf((text) => text.replace("aws4_request", "aws5_request"))],
  ["a region that is none", incomplete, authorizationOf((text) => text.replace("us-east-1", "US EAST"))],
  ["another region", invalid, authorizationOf((text) => text.replace("us-east-1", "us-east-2"))],
  ["another day", invalid, authorizationOf((text) => text.replace("20261130/", "20261129/"))],
  ["a scope of yesterday, signed so", invalid, sign({ scope: scope.replace("20261130", "20261129") })],
  ["another service", invalid, authorizationOf((text) => text.replace("/ecr/", "/sts/"))],
  ["a signature for STS shown to ECR", invalid, sign({ scope: scope.replace("ecr", "sts") })],
  ["a signature for ECR shown to STS", invalid, sign(), "sts"],
  ["a signature for S3 shown to KMS", invalid, sign({ scope: scope.replace("ecr", "s3") }), "kms"],
  ["headers signed twice", incomplete, authorizationOf((text) => text.replace("host;", "host;host;"))],
  ["headers signed in capitals", incomplete, authorizationOf((text) => text.replace("host;", "Host;"))],
  ["a header signed that is not there", invalid, authorizationOf((text) => text.replace("host;", "expect;host;"))],
  ["the host is not signed", incomplete, sign({ signed: ["content-type", "x-amz-date", "x-amz-target"] })],
  ["the host is another", invalid, swap(sign(), "host", () => "evil.example")],
  ["the host's port is another", invalid, swap(sign(), "host", () => "registry.example:5001")],
  ["two hosts", incomplete, add(sign(), "Host", "registry.example:5000")],
  ["no host", invalid, drop(sign(), "host")],
  ["the date is not signed", incomplete, sign({ signed: ["content-type", "host", "x-amz-target"] })],
  ["the date is another", invalid, swap(sign(), "x-amz-date", () => "20261130T032501Z")],
  ["the date is no day", incomplete, swap(sign(), "x-amz-date", () => "20260231T032500Z")],
  ["the date is in another form", incomplete, swap(sign(), "x-amz-date", () => "2026-11-30T03:25:00Z")],
  ["two dates", incomplete, add(sign(), "X-Amz-Date", stamp)],
  ["no date", incomplete, drop(sign(), "x-amz-date")],
  [
    "another kind of date, not signed",
    incomplete,
    add(drop(sign(), "x-amz-date"), "Date", "Mon, 30 Nov 2026 03:25:00 GMT"),
  ],
  ["shown again after five minutes", invalid, sign(), "ecr", now + 301_000],
  ["shown before its time", invalid, sign(), "ecr", now - 301_000],
  ["the operation is not signed", incomplete, sign({ signed: ["content-type", "host", "x-amz-date"] })],
  ["the operation is another", invalid, swap(sign(), "x-amz-target", (text) => text.replace("Describe", "Delete"))],
  ["two operations", incomplete, add(sign(), "x-amz-target", target)],
  ["the session token is not signed", incomplete, add(sign(), "x-amz-security-token", "other")],
  ["the session token is another", invalid, swap(sign(withToken), "x-amz-security-token", () => "other")],
  ["the session token is gone", invalid, drop(sign(withToken), "x-amz-security-token")],
  ["something for AWS is added", incomplete, add(sign(), "x-amz-user-agent", "me")],
  ["the body is another", invalid, { ...sign(), body: Buffer.from('{"force":true}') }],
  ["the body is gone", invalid, { ...sign(), body: Buffer.alloc(0) }],
  [
    "the body's hash is another",
    invalid,
    sign({ headers: { "x-amz-content-sha256": sha256("x") }, payload: sha256("x") }),
  ],
  [
    "the body is not signed",
    invalid,
    sign({ headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }, payload: "UNSIGNED-PAYLOAD" }),
  ],
  [
    "the body is signed in pieces",
    invalid,
    sign({
      headers: { "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" },
      payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    }),
  ],
  ["two kinds of body", incomplete, add(sign(), "content-type", "application/x-www-form-urlencoded")],
  ["the method is another", invalid, { ...sign(), method: "GET" }],
  ["the path is another", invalid, { ...sign(), path: "/v2/" }],
  ["the path is encoded", invalid, { ...sign(), path: "/%2e" }],
  ["the path is encoded twice", invalid, { ...sign({ path: "/%2e" }), path: "/%252e" }],
  ["the path has a slash more", invalid, { ...sign(), path: "//" }],
  ["a parameter is added", invalid, { ...sign(), query: "Action=Delete" }],
  ["a plus for an encoded plus", invalid, { ...sign({ query: "a=b%2Bc" }), query: "a=b+c" }],
  ["an encoded separator for one", invalid, { ...sign({ query: "a=1&b=2" }), query: "a=1%26b=2" }],
  ["a query that is no text", incomplete, { ...sign(), query: "a=%ff%zz" }],
  ["a signature in the header and the query", incomplete, { ...sign(), query: address().query }],
  ["an address for another service", invalid, address(), "ecr"],
  [
    "an address's action is another",
    invalid,
    queryOf((text) => text.replace("GetCallerIdentity", "AssumeRole")),
    "sts",
  ],
  ["an address with two actions", invalid, queryOf((text) => `Action=AssumeRole&${text}`), "sts"],
  ["an address with two signatures", incomplete, queryOf((text) => `${text}&X-Amz-Signature=${"0".repeat(64)}`), "sts"],
  ["an address with two credentials", incomplete, queryOf((text) => `${text}&X-Amz-Credential=x`), "sts"],
  ["an address with two dates", incomplete, queryOf((text) => `${text}&X-Amz-Date=${stamp}`), "sts"],
  ["an address without a signature", incomplete, queryOf((text) => text.replace(/&X-Amz-Signature=.*/, "")), "sts"],
  ["an address without an end", incomplete, queryOf((text) => text.replace(/&X-Amz-Expires=60/, "")), "sts"],
  ["an address that ended", invalid, address(), "sts", now + 60_000],
  ["an address that is made longer", invalid, queryOf((text) => text.replace("Expires=60", "Expires=61")), "sts"],
  ["an address for no time", incomplete, address({ "X-Amz-Expires": "0" }), "sts"],
  ["an address for longer than a week", incomplete, address({ "X-Amz-Expires": "604801" }), "sts"],
  ["an address until for ever", incomplete, address({ "X-Amz-Expires": "1e9" }), "sts"],
  ["an address to come", invalid, address({ "X-Amz-Date": "20261130T033100Z" }), "sts"],
  ["an address that signs no host", incomplete, address({}, "x-other"), "sts"],
  ["an address with a body", invalid, { ...address(), body: Buffer.from("Action=AssumeRole") }, "sts"],
  ["an address with another method", invalid, { ...address(), method: "POST" }, "sts"],
  ["an address with a token beside it", incomplete, add(address(), "x-amz-security-token", "other"), "sts"],
  [
    "an address with a token more",
    incomplete,
    add(address({ "X-Amz-Security-Token": "a" }), "x-amz-security-token", "b"),
    "sts",
  ],
])("%s is refused: %s", (_, code, request, service, at) => {
  expect(judge(request, service, at)).toBe(code);
});

test("a signature for another service is told from one that is wrong", () => {
  expect(() => readSignature(sign(), { service: "sts", now })).toThrow("scoped to correct service: 'sts'");
});
