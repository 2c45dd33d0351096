import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject } from "vitest";
import { findPeer } from "../support/peers.ts";
import { cutAt, noiseFile } from "./images.ts";
import { cutBoth } from "./cut-both.ts";
import { testClient } from "./matrix.ts";
import { expectSameFile, expectSameLayout, listReferrers, manifestStatus, pushReferrer, readManifest } from "./wire.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const images = inject("images")!;
const program = findPeer("crane") ?? "crane";
const crane = (...args: string[]) => place.call(program, "--insecure", ...args);
const at = (...names: string[]) => join(place.folder, ...names);

testClient(place, {
  name: "crane",
  peers: ["crane", "buildah", "busybox"],
  version: () => place.call("cat", `${program}.version`),
  cells: {
    push: {
      does: "`crane auth login`, `crane push` of an OCI layout, `crane append` of one more layer, `crane tag`",
      async run(registry) {
        await crane("auth", "login", registry, "--username=someone", "--password=anything");
        const image = `${registry}/crane/app:1`;
        const pushed = await crane("push", images.big.layout, image);
        const { digest } = await readManifest(registry, "crane/app", "1");
        expect(pushed).toBe(`${registry}/crane/app@${digest}`);
        await place.call("tar", "-cf", "layer.tar", "home");
        await crane("append", "--base", image, "--new_layer", at("layer.tar"), "--new_tag", `${registry}/crane/app:2`);
        await crane("tag", `${registry}/crane/app:2`, "latest");
        expect(await crane("digest", `${registry}/crane/app:latest`)).toBe(
          (await readManifest(registry, "crane/app", "2")).digest,
        );
      },
    },
    pull: {
      does: "`crane pull` by digest into an OCI layout, every blob compared; `crane export` by tag, a file compared; `crane validate --remote`",
      async run(registry) {
        const { digest } = await readManifest(registry, "crane/app", "1");
        const layout = at(registry.replace(":", "-"));
        await crane("pull", "--format=oci", `${registry}/crane/app@${digest}`, layout);
        await expectSameLayout(layout, images.big.layout);
        await crane("export", `${registry}/crane/app:1`, at("image.tar"));
        await place.call("tar", "-xf", "image.tar", noiseFile);
        await expectSameFile(at(noiseFile), join(images.big.context, noiseFile));
        expect(await crane("validate", "--remote", `${registry}/crane/app:2`)).toMatch(/^PASS/);
      },
    },
    list: {
      does: "`crane ls` and `crane catalog`",
      async run(registry) {
        expect((await crane("ls", `${registry}/crane/app`)).split("\n")).toEqual(["1", "2", "latest"]);
        expect((await crane("catalog", registry)).split("\n")).toContain("crane/app");
      },
    },
    delete: {
      does: "`crane delete` of a tag, then of an image by its digest",
      async run(registry) {
        await crane("delete", `${registry}/crane/app:latest`);
        expect((await crane("ls", `${registry}/crane/app`)).split("\n")).toEqual(["1", "2"]);
        const digest = await crane("digest", `${registry}/crane/app:2`);
        await crane("delete", `${registry}/crane/app@${digest}`);
        expect(await place.refuse(program, "--insecure", "manifest", `${registry}/crane/app:2`)).toContain(
          "MANIFEST_UNKNOWN",
        );
      },
    },
    "multi-arch copy": {
      does: "`crane index append` of two platforms, `crane copy` to another repository, `crane pull --platform` of each",
      async run(registry) {
        const [first, second] = ["crane/multi", "crane/copies/multi"];
        await crane("push", "--index", images.multi.layout, `${registry}/${first}:parts`);
        const parts = (await readManifest(registry, first, "parts")).document.manifests!.flatMap(({ digest }) => [
          "--manifest",
          `${registry}/${first}@${digest}`,
        ]);
        await crane("index", "append", ...parts, "--tag", `${registry}/${first}:1`);
        await crane("copy", `${registry}/${first}:1`, `${registry}/${second}:1`);
        expect((await readManifest(registry, second, "1")).text).toBe((await readManifest(registry, first, "1")).text);
        for (const architecture of ["amd64", "arm64"]) {
          const platform = `--platform=linux/${architecture}`;
          const config = JSON.parse(await crane("config", platform, `${registry}/${second}:1`)) as object;
          expect(config).toMatchObject({ architecture });
        }
      },
    },
    "artifact with referrers": {
      does: "`crane copy` of an artifact that has a subject to another repository, whose referrers then list it",
      async run(registry) {
        const { digest } = await readManifest(registry, "crane/app", "1");
        const referrer = await pushReferrer(registry, "crane/app", digest);
        await crane("copy", `${registry}/crane/app:1`, `${registry}/crane/copies/app:1`);
        await crane("copy", `${registry}/crane/app@${referrer}`, `${registry}/crane/copies/app:note`);
        expect(await listReferrers(registry, "crane/copies/app", digest)).toEqual([referrer]);
        expect(await manifestStatus(registry, "crane/copies/app", "note")).toBe(200);
      },
    },
    resume: {
      does: "a connection is reset in the middle of a push, and of a pull: crane tries again, or is run again",
      async run(registry) {
        const image = (address: string) => `${address}/crane/resumed:1`;
        const push = (address: string) =>
          place.insist(program, "--insecure", "push", images.medium.layout, image(address));
        await cutBoth(registry, cutAt, push, async (address) => {
          const layout = at(address.replace(":", "-"));
          await mkdir(layout);
          await place.insist(program, "--insecure", "pull", "--format=oci", image(address), layout);
          await expectSameLayout(layout, images.medium.layout);
        });
      },
    },
    TLS: {
      does: "`crane push` and `crane pull` with the authority in `SSL_CERT_FILE`; without it, crane refuses",
      async run(registry) {
        const image = `${registry}/crane/secure:1`;
        expect(await place.refuse(program, "push", images.medium.layout, image)).toContain("x509");
        place.env["SSL_CERT_FILE"] = inject("secure")!.certificate;
        try {
          await place.call(program, "push", images.medium.layout, image);
          const layout = at(registry.replace(":", "-"));
          await place.call(program, "pull", "--format=oci", image, layout);
          await expectSameLayout(layout, images.medium.layout);
        } finally {
          delete place.env["SSL_CERT_FILE"];
        }
      },
    },
  },
});
