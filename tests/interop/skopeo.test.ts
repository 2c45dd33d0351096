import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, inject } from "vitest";
import { cutAt } from "./images.ts";
import { cutBoth } from "./cut-both.ts";
import { testClient } from "./matrix.ts";
import { expectSameLayout, listReferrers, manifestStatus, pushReferrer, readManifest } from "./wire.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const images = inject("images")!;
const skopeo = (...args: string[]) => place.call("skopeo", ...args);
const at = (...names: string[]) => join(place.folder, ...names);
const fresh = (() => {
  let count = 0;
  return () => at(`layout-${++count}`);
})();
const [plain, plainFrom, plainTo] = ["--tls-verify=false", "--src-tls-verify=false", "--dest-tls-verify=false"];

testClient(place, {
  name: "skopeo",
  peers: ["skopeo", "buildah", "busybox"],
  version: () => skopeo("--version"),
  cells: {
    push: {
      does: "`skopeo login`, `skopeo copy` from an OCI layout; `skopeo inspect` shows the digest and the label",
      async run(registry) {
        await skopeo("login", plain, "--username=someone", "--password=anything", registry);
        const image = `docker://${registry}/skopeo/app:1`;
        await skopeo("copy", plainTo, "--preserve-digests", `oci:${images.big.layout}:1`, image);
        const seen = JSON.parse(await skopeo("inspect", plain, image)) as { Digest: string; Labels: object };
        expect(seen.Digest).toBe((await readManifest(registry, "skopeo/app", "1")).digest);
        expect(seen.Labels).toMatchObject({ "org.opencontainers.image.title": "app" });
      },
    },
    pull: {
      does: "`skopeo copy` by digest into an OCI layout, and `skopeo sync` into a folder; every blob compared",
      async run(registry) {
        const { digest } = await readManifest(registry, "skopeo/app", "1");
        const layout = fresh();
        await skopeo("copy", plainFrom, `docker://${registry}/skopeo/app@${digest}`, `oci:${layout}:1`);
        await expectSameLayout(layout, images.big.layout);
        const folder = fresh();
        await mkdir(folder);
        await skopeo("sync", plainFrom, "--src=docker", "--dest=dir", `${registry}/skopeo/app`, folder);
        expect(await place.call("ls", folder)).toBe("app:1");
      },
    },
    list: {
      does: "`skopeo list-tags`",
      async run(registry) {
        const listed = await skopeo("list-tags", plain, `docker://${registry}/skopeo/app`);
        expect((JSON.parse(listed) as { Tags: string[] }).Tags).toEqual(["1"]);
      },
    },
    delete: {
      does: "`skopeo delete` of an image; afterwards `skopeo inspect` finds nothing",
      async run(registry) {
        const image = `docker://${registry}/skopeo/gone:1`;
        await skopeo("copy", plainTo, `oci:${images.medium.layout}:1`, image);
        await skopeo("delete", plain, image);
        expect(await place.refuse("skopeo", "inspect", plain, image)).toContain("manifest unknown");
        expect(await manifestStatus(registry, "skopeo/gone", "1")).toBe(404);
      },
    },
    "multi-arch copy": {
      does: "`skopeo copy --all` from an OCI layout and to another repository: the index has the same digest everywhere",
      async run(registry) {
        const [first, second] = ["skopeo/multi", "skopeo/copies/multi"];
        await skopeo("copy", plainTo, "--all", `oci:${images.multi.layout}:1`, `docker://${registry}/${first}:1`);
        const both = [plainFrom, plainTo];
        await skopeo("copy", ...both, "--all", `docker://${registry}/${first}:1`, `docker://${registry}/${second}:1`);
        const [from, to] = [await readManifest(registry, first, "1"), await readManifest(registry, second, "1")];
        expect(to.text).toBe(from.text);
        for (const { digest } of from.document.manifests!) {
          expect(await manifestStatus(registry, second, digest)).toBe(200);
        }
      },
    },
    "artifact with referrers": {
      does: "`skopeo copy` of an artifact that has a subject to another repository, whose referrers then list it",
      async run(registry) {
        const { digest } = await readManifest(registry, "skopeo/app", "1");
        const referrer = await pushReferrer(registry, "skopeo/app", digest);
        const both = [plainFrom, plainTo];
        const [from, to] = [`docker://${registry}/skopeo/app`, `docker://${registry}/skopeo/copies/app`];
        await skopeo("copy", ...both, `${from}:1`, `${to}:1`);
        await skopeo("copy", ...both, `${from}@${referrer}`, `${to}:note`);
        expect(await listReferrers(registry, "skopeo/copies/app", digest)).toEqual([referrer]);
      },
    },
    resume: {
      does: "a connection is reset in the middle of a push, and of a pull: skopeo tries again (`--retry-times`), or is run again; every blob compared",
      async run(registry) {
        const image = (address: string) => `docker://${address}/skopeo/resumed:1`;
        const copy = (...args: string[]) => place.insist("skopeo", "copy", "--retry-times=3", ...args);
        const push = (address: string) => copy(plainTo, `oci:${images.medium.layout}:1`, image(address));
        await cutBoth(registry, cutAt, push, async (address) => {
          const layout = fresh();
          await copy(plainFrom, image(address), `oci:${layout}:1`);
          await expectSameLayout(layout, images.medium.layout);
        });
      },
    },
    TLS: {
      does: "`skopeo copy` both ways with the authority in `--dest-cert-dir` and `--src-cert-dir`; without it, skopeo refuses",
      async run(registry) {
        const image = `docker://${registry}/skopeo/secure:1`;
        const authority = dirname(inject("secure")!.certificate);
        const source = `oci:${images.medium.layout}:1`;
        expect(await place.refuse("skopeo", "copy", source, image)).toContain("x509");
        await skopeo("copy", "--dest-cert-dir", authority, source, image);
        const layout = fresh();
        await skopeo("copy", "--src-cert-dir", authority, image, `oci:${layout}:1`);
        await expectSameLayout(layout, images.medium.layout);
      },
    },
  },
});
