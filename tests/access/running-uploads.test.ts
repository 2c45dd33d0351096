import { afterAll, expect, test } from "vitest";
import { authenticate, operator } from "../../src/access/index.ts";
import type { Caller } from "../../src/access/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import { appendUpload, findBlob, finishUpload, pushBlob, startUpload } from "../../src/registry/index.ts";
import type { Body } from "../../src/registry/index.ts";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeRobot, makeToken } from "../support/open-rights.ts";
import { serveGuarded } from "../support/serve-guarded.ts";

/* What is taken away while an upload is under way (issue: rights are evaluated at use; decisions 18). */

const server = await serveGuarded();
const { metadata, access } = server;
const registry = server;
afterAll(() => server.close());

const app = parseRepositoryName("team/app");
const team = await makeNamespace(metadata, "team");
const boss = callerOf(operator);
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code?: string }) => error.code,
  );

let made = 0;
/** Somebody who may push, by a token. */
async function pusher(age?: number) {
  const name = `pusher${++made}`;
  const account = await makeAccount(metadata, name);
  const given = await grant(metadata, { account }, { namespace: team }, "writer");
  const token = await makeToken(metadata, account, null, age);
  const caller = callerOf(await authenticate(access, basic(name, token.secret)));
  return { name, account, given, token, caller };
}

/** Bytes in two chunks, between which something happens. */
function bodyWith(text: string, between: () => Promise<unknown> = async () => undefined): Body {
  return async (take) => {
    await take(Buffer.from(text.slice(0, 1)));
    await between();
    await take(Buffer.from(text.slice(1)));
  };
}

/** The same, but it happens after the last byte. */
function bodyBefore(text: string, after: () => Promise<unknown>): Body {
  return async (take) => {
    await take(Buffer.from(text));
    await after();
  };
}

type Pusher = Awaited<ReturnType<typeof pusher>>;
const ends: Readonly<Record<string, readonly [(who: Pusher) => Promise<unknown>, string]>> = {
  "a revoked token": [
    ({ name, token }) => metadata.write("revokeTokens", { caller: boss, user: name, token: token.id }),
    "UNAUTHORIZED",
  ],
  "a disabled user": [
    ({ name }) =>
      metadata.write("updateUser", {
        ...{ caller: boss, user: name, versions: undefined, display: undefined, email: undefined },
        disabled: true,
      }),
    "UNAUTHORIZED",
  ],
  "a grant that is taken away": [
    ({ given }) => metadata.write("takeGrant", { caller: boss, on: { namespace: "team" }, grant: given }),
    "DENIED",
  ],
};

test.each(Object.keys(ends))(
  "%s ends uploads that are under way, at the next byte or before they are named",
  async (how) => {
    const [end, code] = ends[how]!;
    for (const body of [bodyWith, bodyBefore]) {
      const text = `${how} ${body.name}`;
      const digest = digestOf(Buffer.from(text));
      const whole = await pusher();
      expect(
        await codeOf(
          pushBlob(
            registry,
            whole.caller,
            app,
            digest,
            body(text, () => end(whole)),
          ),
        ),
      ).toBe(code);
      const opened = await pusher();
      const id = await startUpload(registry, opened.caller, app, "sha256");
      const last = finishUpload(
        registry,
        opened.caller,
        app,
        id,
        digest,
        undefined,
        body(text, () => end(opened)),
      );
      expect(await codeOf(last)).toBe(code);
      const chunked = await pusher();
      const other = await startUpload(registry, chunked.caller, app, "sha256");
      const chunk = appendUpload(
        registry,
        chunked.caller,
        app,
        other,
        undefined,
        body(text, () => end(chunked)),
      );
      expect(await codeOf(chunk)).toBe(code);
      expect(await codeOf(findBlob(registry, boss, app, digest))).toBe("BLOB_UNKNOWN");
    }
  },
);

test("a robot's secret that is replaced without an overlap ends its upload", async () => {
  const { account } = await pusher();
  const robot = await makeRobot(metadata, team, "ci", { account });
  await grant(metadata, { robot: robot.id }, { namespace: team }, "writer");
  const caller = callerOf(await authenticate(access, basic("token", robot.secret)));
  const rotate = () =>
    metadata.write("rotateRobot", {
      ...{ caller: boss, path: "team", robot: "ci", hash: "f".repeat(64), age: 60_000, overlap: 0, once: undefined },
    });
  const body = bodyWith("robot", rotate);
  expect(await codeOf(pushBlob(registry, caller, app, digestOf(Buffer.from("robot")), body))).toBe("UNAUTHORIZED");
});

test("what others lose, and a token that expires by itself, do not end an upload that is under way", async () => {
  const { caller } = await pusher(3_000);
  const digest = digestOf(Buffer.from("goes on"));
  const others = async () => {
    await new Promise((resolve) => setTimeout(resolve, 3_050));
    const { name } = await pusher();
    await metadata.write("revokeTokens", { caller: boss, user: name, token: undefined });
  };
  expect(await codeOf(pushBlob(registry, caller, app, digest, bodyWith("goes on", others)))).toBe("done");
});

test("an upload is its opener's by the row: who is made anew under the name does not go on with it (threats 21, 32)", async () => {
  const former = await pusher();
  await pushBlob(registry, former.caller, app, digestOf(Buffer.from("first")), bodyWith("first"));
  const id = await startUpload(registry, former.caller, app, "sha256");
  expect(await codeOf(appendUpload(registry, former.caller, app, id, undefined, bodyWith("half")))).toBe("done");
  await metadata.write("deleteUser", { caller: boss, user: former.name, versions: undefined });
  const account = await makeAccount(metadata, former.name);
  await grant(metadata, { account }, { namespace: team }, "writer");
  const { secret } = await makeToken(metadata, account);
  const next: Caller = callerOf(await authenticate(access, basic(former.name, secret)));
  expect(next.principal.name).toBe(former.caller.principal.name);
  const digest = digestOf(Buffer.from("halfhalf"));
  for (const work of [
    appendUpload(registry, next, app, id, undefined, bodyWith("half")),
    finishUpload(registry, next, app, id, digest, undefined, bodyWith("half")),
  ]) {
    expect(await codeOf(work)).toBe("BLOB_UPLOAD_UNKNOWN");
  }
});

test("a manifest or a change of settings whose body trickles in is refused when its login ended meanwhile", async () => {
  const send = async (who: Pusher, method: string, path: string, type: string, text: string) => {
    const [end] = ends["a revoked token"]!;
    const body = new ReadableStream({
      async start(stream) {
        stream.enqueue(Buffer.from(text.slice(0, 1)));
        await new Promise((resolve) => setTimeout(resolve, 50));
        await end(who);
        stream.enqueue(Buffer.from(text.slice(1)));
        stream.close();
      },
    });
    const headers = { authorization: basic(who.name, who.token.secret), "content-type": type };
    const init = { method, body, headers, duplex: "half" } as RequestInit;
    return (await fetch(`${server.url}${path}`, init)).status;
  };
  const one = await pusher();
  expect(await send(one, "PUT", "/v2/team/app/manifests/late", imageType, imageOf([]))).toBe(401);
  const two = await pusher();
  await grant(metadata, { account: two.account }, { namespace: team }, "owner");
  const asked = JSON.stringify({ to: { user: one.name }, role: "owner" });
  const path = "/api/v1/namespaces/team/-/grants";
  expect(await send(two, "POST", path, "application/json", asked)).toBe(401);
  expect(server.broken).toEqual([]);
});
