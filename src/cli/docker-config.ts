import { accessSync, constants } from "node:fs";
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { CommandError } from "./command-error.ts";
import { editFile, readText } from "./edit-file.ts";
import { findBreak, removeMember, setMember } from "./json-member.ts";

/** What docker, podman and their like call a helper after `docker-credential-`. */
const helper = "berth";

/** Whether a client would find the helper. */
export function isProgramInstalled(env: NodeJS.ProcessEnv): boolean {
  return (env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, `docker-credential-${helper}`), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}

/**
 * Tells docker, podman, buildah, skopeo, crane, oras and helm to ask the helper for the credentials of a host: the key
 * `credHelpers[host]` of docker's `config.json`, and of podman's `auth.json` where there is one. Nothing else changes.
 * @param host `registry.example.com:5000`
 * @returns paths of the files that say so now
 * @throws CommandError when a file is no JSON, with its line
 */
export async function announceLogin(env: NodeJS.ProcessEnv, host: string): Promise<readonly string[]> {
  const paths = await findConfigs(env);
  for (const path of paths) {
    await editFile(path, (text) => setMember(parsed(path, text), "credHelpers", host, helper));
  }
  return paths;
}

/** Takes the key out again, where it is ours. @throws CommandError as {@link announceLogin} does */
export async function withdrawLogin(env: NodeJS.ProcessEnv, host: string): Promise<void> {
  for (const path of await findConfigs(env)) {
    if ((await readText(path).catch(() => undefined)) === undefined) continue;
    await editFile(path, (text) => {
      const json = parsed(path, text);
      const { credHelpers } = JSON.parse(json) as { credHelpers?: Readonly<Record<string, string>> };
      return credHelpers?.[host] === helper ? removeMember(json, "credHelpers", host) : undefined;
    });
  }
}

/** Docker's file, and podman's where it is named or there: podman looks into its own first. */
async function findConfigs(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const home = env["HOME"] ?? homedir();
  const docker = join(env["DOCKER_CONFIG"] || join(home, ".docker"), "config.json");
  const named = env["REGISTRY_AUTH_FILE"];
  if (named !== undefined && named !== "") return [docker, named];
  const folders = [env["XDG_RUNTIME_DIR"], env["XDG_CONFIG_HOME"] || join(home, ".config")];
  const paths = folders.flatMap((folder) => (folder ? [join(folder, "containers", "auth.json")] : []));
  const there = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        () => [path],
        () => [],
      ),
    ),
  );
  return [docker, ...there.flat()];
}

/** The text, once it is an object in which `credHelpers`, if there, is one. @throws CommandError */
function parsed(path: string, text: string | undefined): string {
  if (text === undefined || text.trim() === "") return "{}\n";
  const cure = "put it right, or move it away, then log in again";
  const broken = findBreak(text);
  if (broken !== undefined) throw new CommandError(`${path}, line ${lineAt(text, broken)}: this is not JSON: ${cure}`);
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new CommandError(`${path}, line 1: this is not a JSON object: ${cure}`);
  const helpers = value["credHelpers"];
  if (helpers === undefined || isObject(helpers)) return text;
  const line = lineAt(text, text.indexOf('"credHelpers"'));
  throw new CommandError(`${path}, line ${line}: credHelpers is not an object: ${cure}`);
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
