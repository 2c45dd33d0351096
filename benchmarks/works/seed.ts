import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeImage } from "../clients/images.ts";
import type { ImageContent } from "../clients/images.ts";
import { runPushes } from "../clients/push.ts";
import { openRaw } from "../clients/raw-connection.ts";
import { pushImage } from "../clients/requests.ts";
import type { RegistryName, Server } from "../registries.ts";
import { addTags, addTaggedManifests, tagName } from "../rows.ts";
import type { Lab } from "../work.ts";

/** Pushes one image with a layer of 1 KiB. */
export async function seedImage(
  server: Server,
  repository: string,
  tag: string,
  authorization?: string,
): Promise<ImageContent> {
  const image = makeImage(1024);
  const connection = await openRaw(server.port, authorization);
  await pushImage(connection, repository, tag, image);
  connection.close();
  return image;
}

/** A store of 10 repositories with an image and 10 tags each. */
export async function seedSmallStore(server: Server): Promise<ImageContent> {
  for (let number = 1; number < 10; number++) {
    const repositories = [`team/app${number}`];
    await runPushes(server, {
      kind: "tags",
      clients: 1,
      repositories,
      layerBytes: 1024,
      count: 9,
      seconds: 60,
      prefix: "v",
    });
  }
  return seedImage(server, "team/app", "v1");
}

/** A folder whose repository `big/app` has many tags: rows for Berth, an edited index for olareg, pushes for the others. */
export function prepareTags(registry: RegistryName, count: number, own: boolean): (lab: Lab) => Promise<void> {
  return async (lab) => {
    const server = await lab.start();
    try {
      if (registry === "berth" && own) {
        await seedSmallStore(server);
      } else {
        await seedImage(server, "big/app", "base");
        await seedImage(server, "small/app", "base");
      }
      if (registry === "docker-registry" || registry === "distribution") {
        const repositories = ["big/app"];
        const load = { kind: "tags", clients: 8, repositories, layerBytes: 1024, seconds: 300 } as const;
        await runPushes(server, { ...load, count, prefix: "t" });
      }
    } finally {
      await server.stop();
    }
    if (registry === "olareg") await addOlaregTags(lab.folder, count);
    if (registry !== "berth") return;
    if (own) addTaggedManifests(lab.folder, "big/app", count);
    else addTags(lab.folder, "big/app", count);
  };
}

async function addOlaregTags(folder: string, count: number): Promise<void> {
  const file = join(folder, "big/app/index.json");
  const index = JSON.parse(await readFile(file, "utf8")) as { manifests: object[] };
  const [base] = index.manifests;
  for (let number = 0; number < count; number++) {
    index.manifests.push({ ...base, annotations: { "org.opencontainers.image.ref.name": tagName(number) } });
  }
  await writeFile(file, JSON.stringify(index));
}

/** A tag that every data set of {@link prepareTags} has, from its middle. */
export function middleTag(registry: RegistryName, count: number): string {
  const middle = Math.floor(count / 2);
  return registry === "berth" || registry === "olareg" ? tagName(middle) : `t${middle}`;
}
