import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject } from "vitest";
import { findPeer } from "../support/peers.ts";
import { cutAt } from "./images.ts";
import { cutBoth } from "./cut-both.ts";
import { testClient } from "./matrix.ts";
import { expectSameFile, expectSameLayout, listReferrers, manifestStatus, readManifest } from "./wire.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const images = inject("images")!;
const program = findPeer("oras") ?? "oras";
const oras = (...args: string[]) => place.call(program, ...args);
const at = (...names: string[]) => join(place.folder, ...names);
const lines = (text: string) => text.split("\n").sort();

testClient(place, {
  name: "oras",
  peers: ["oras", "buildah", "busybox"],
  version: () => oras("version"),
  async start() {
    await writeFile(at("file"), randomBytes(5_000_000));
    await writeFile(at("note"), "a note about the file\n");
  },
  cells: {
    push: {
      does: "`oras login`, `oras push` of a file as an artifact, `oras cp --from-oci-layout` of the image, `oras tag`",
      async run(registry) {
        await oras("login", "--plain-http", "--username=someone", "--password=anything", registry);
        const layout = ["--from-oci-layout", `${images.big.layout}:1`];
        await oras("cp", "--to-plain-http", ...layout, `${registry}/oras/app:1`);
        const artifact = ["--artifact-type=application/vnd.example.thing", "file:application/octet-stream"];
        await oras("push", "--plain-http", `${registry}/oras/thing:1`, ...artifact);
        await oras("tag", "--plain-http", `${registry}/oras/thing:1`, "2");
        const { document } = await readManifest(registry, "oras/thing", "2");
        expect(document.artifactType).toBe("application/vnd.example.thing");
      },
    },
    pull: {
      does: "`oras pull` of the artifact, the file compared; `oras cp --to-oci-layout` of the image by digest, every blob compared",
      async run(registry) {
        await oras("pull", "--plain-http", "--output", at("pulled"), `${registry}/oras/thing:1`);
        await expectSameFile(at("pulled", "file"), at("file"));
        const { digest } = await readManifest(registry, "oras/app", "1");
        const layout = at(registry.replace(":", "-"));
        await oras("cp", "--from-plain-http", `${registry}/oras/app@${digest}`, "--to-oci-layout", layout);
        await expectSameLayout(layout, images.big.layout);
      },
    },
    list: {
      does: "`oras repo tags` and `oras repo ls`",
      async run(registry) {
        expect(lines(await oras("repo", "tags", "--plain-http", `${registry}/oras/thing`))).toEqual(["1", "2"]);
        expect(lines(await oras("repo", "ls", "--plain-http", registry))).toContain("oras/thing");
      },
    },
    delete: {
      does: "`oras manifest delete`, then `oras blob delete` of what it held; afterwards both are gone",
      async run(registry) {
        const name = `${registry}/oras/gone`;
        await oras("push", "--plain-http", `${name}:1`, "note:text/plain");
        const [layer] = (await readManifest(registry, "oras/gone", "1")).document.layers!;
        const blob = `${name}@${layer!.digest}`;
        expect(await place.refuse(program, "blob", "delete", "--plain-http", "--force", blob)).toContain("unsupported");
        await oras("manifest", "delete", "--plain-http", "--force", `${name}:1`);
        expect(await manifestStatus(registry, "oras/gone", "1")).toBe(404);
        await oras("blob", "delete", "--plain-http", "--force", blob);
        expect(await place.refuse(program, "blob", "fetch", "--plain-http", "--descriptor", blob)).toContain(
          "not found",
        );
      },
    },
    "multi-arch copy": {
      does: "`oras cp` of an index from an OCI layout, `oras manifest index create`, `oras cp --platform` of each",
      async run(registry) {
        const name = `${registry}/oras/multi`;
        await oras("cp", "--to-plain-http", "--from-oci-layout", `${images.multi.layout}:1`, `${name}:1`);
        const { text, document } = await readManifest(registry, "oras/multi", "1");
        const parts = document.manifests!.map(({ digest }) => digest);
        await oras("manifest", "index", "create", "--plain-http", `${name}:2`, ...parts);
        expect((await readManifest(registry, "oras/multi", "2")).document.manifests).toHaveLength(2);
        for (const { digest, platform } of document.manifests!) {
          const only = ["--platform", `linux/${platform!.architecture}`];
          const plain = ["--from-plain-http", "--to-plain-http"];
          await oras("cp", ...plain, ...only, `${name}:1`, `${name}:${platform!.architecture}`);
          expect((await readManifest(registry, "oras/multi", platform!.architecture)).digest).toBe(digest);
        }
        await oras("cp", "--from-plain-http", "--to-plain-http", `${name}:1`, `${registry}/oras/copies/multi:1`);
        expect((await readManifest(registry, "oras/copies/multi", "1")).text).toBe(text);
      },
    },
    "artifact with referrers": {
      does: "`oras attach` to the image and to what was attached, `oras discover`, `oras cp -r` with all of it to another repository",
      async run(registry) {
        const [from, to] = [`${registry}/oras/app`, `${registry}/oras/copies/app`];
        const type = (name: string) => ["--artifact-type", `application/vnd.example.${name}`];
        await oras("attach", "--plain-http", ...type("note"), `${from}:1`, "note:text/plain");
        const { digest } = await readManifest(registry, "oras/app", "1");
        const [note] = await listReferrers(registry, "oras/app", digest);
        await oras("attach", "--plain-http", ...type("answer"), `${from}@${note}`, "note:text/plain");
        const [answer] = await listReferrers(registry, "oras/app", note!);
        const tree = await oras("discover", "--plain-http", "--format=json", `${from}:1`);
        for (const found of [note!, answer!]) expect(tree).toContain(found);
        const others = await oras("discover", "--plain-http", "--format=json", ...type("other"), `${from}:1`);
        expect(others).not.toContain(note);
        await oras("cp", "-r", "--from-plain-http", "--to-plain-http", `${from}:1`, `${to}:1`);
        expect(await listReferrers(registry, "oras/copies/app", digest)).toEqual([note]);
        expect(await listReferrers(registry, "oras/copies/app", note!)).toEqual([answer]);
      },
    },
    resume: {
      does: "a connection is reset in the middle of a push, and of a pull: oras tries again, or is run again; every blob compared",
      async run(registry) {
        const image = (address: string) => `${address}/oras/resumed:1`;
        const layout = ["--from-oci-layout", `${images.medium.layout}:1`];
        const push = (address: string) => place.insist(program, "cp", "--to-plain-http", ...layout, image(address));
        await cutBoth(registry, cutAt, push, async (address) => {
          const target = at(address.replace(":", "-"));
          await place.insist(program, "cp", "--from-plain-http", image(address), "--to-oci-layout", target);
          await expectSameLayout(target, images.medium.layout);
        });
      },
    },
    TLS: {
      does: "`oras cp` both ways with the authority in `--to-ca-file` and `--from-ca-file`; without it, oras refuses",
      async run(registry) {
        const image = `${registry}/oras/secure:1`;
        const authority = inject("secure")!.certificate;
        const source = ["--from-oci-layout", `${images.medium.layout}:1`];
        expect(await place.refuse(program, "cp", "--to-plain-http=false", ...source, image)).toContain("x509");
        await oras("cp", "--to-plain-http=false", "--to-ca-file", authority, ...source, image);
        const layout = at(registry.replace(":", "-"));
        await oras("cp", "--from-plain-http=false", "--from-ca-file", authority, image, "--to-oci-layout", layout);
        await expectSameLayout(layout, images.medium.layout);
      },
    },
  },
});
