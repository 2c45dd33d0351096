/**
 * The strata of `src`, from the top down. A folder imports only folders of lower lines; those on its own line are
 * strangers to it. `*.ts` stands for the files beside the folders, which wire everything; `api/*` for every folder of
 * `api` but `api/http`: wire dialects are strangers to one another.
 */
export const layers: readonly (readonly string[])[] = [
  ["*.ts"],
  ["api/*", "cli"],
  ["api/http"],
  ["config.ts"],
  ["setup", "jobs"],
  ["scan", "sign", "replicate", "providers"],
  ["registry"],
  ["access"],
  ["storage", "metadata", "client"],
  ["policy", "contract"],
  ["oci"],
  ["lib"],
];

/** Folders that decide on what they are given and touch nothing else. */
export const pure: readonly string[] = ["oci", "policy"];
