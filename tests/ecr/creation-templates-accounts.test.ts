import { expect, test } from "vitest";
import { callHost, pushByHost } from "../support/call-host.ts";
import { callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { signedHeaders } from "../support/sign-as.ts";

const host = "123456789012.dkr.ecr.eu-central-1.example.com";

test("templates of an account are for its namespace, and for pushers who may make repositories there", async () => {
  const guarded = await startGuardedServer({
    ecr: {
      accounts: [
        { id: "123456789012", namespace: "shop" },
        { id: "210987654321", namespace: "lab" },
      ],
    },
  });
  const { server, admin } = guarded;
  try {
    for (const path of ["shop", "lab"]) expect((await admin.post("/namespaces", { path })).status).toBe(201);
    const password = "a long pass phrase of nobody";
    for (const [name, role] of [
      ["writer", "writer"],
      ["reader", "reader"],
    ] as const) {
      expect((await admin.post("/users", { name, password })).status).toBe(201);
      expect((await admin.post("/namespaces/shop/-/grants", { to: { user: name }, role })).status).toBe(201);
    }
    const shop = { address: server.host, host };
    const lab = { address: server.host, host: host.replace("123456789012", "210987654321") };
    const as = (name: string, secret = password) => ({ authorization: basicHeader(name, secret) });
    const owner = as("admin", adminPassword);
    const made = await admin.post("/users/admin/tokens", { name: "aws", aws: true });
    const keys = { id: made.body.accessKeyId, secret: made.body.secretAccessKey };
    const input = JSON.stringify({ prefix: "ROOT", appliedFor: ["CREATE_ON_PUSH"], imageTagMutability: "IMMUTABLE" });
    const wish = { region: "eu-central-1", host: server.host, body: input };
    const target = `${ecrTarget}CreateRepositoryCreationTemplate`;
    const pair = { accessKeyId: keys.id, secretAccessKey: keys.secret };
    const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pair, { ...wish, target });
    const { status, text } = await callEcr(server.url, "CreateRepositoryCreationTemplate", input, headers);
    expect(status, text).toBe(200);
    expect(await pushByHost({ ...shop, ...as("writer") }, "app", "v1", "layer")).toMatchObject({ status: 201 });
    expect((await admin.get("/repositories/shop/app/-/settings")).text).toContain('"rule":"refuse"');
    expect(await pushByHost({ ...shop, ...as("reader") }, "mine", "v1", "layer")).toMatchObject({ status: 403 });
    expect((await callHost({ ...shop, ...owner }, "GET", "/v2/mine/tags/list")).status).toBe(404);
    expect(await pushByHost({ ...lab, ...owner }, "app", "v1", "layer")).toMatchObject({ code: "NAME_UNKNOWN" });
    expect(server.errors).toEqual([]);
  } finally {
    await guarded.close();
  }
});
