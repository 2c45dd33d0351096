import type { maintenanceEndpoints } from "../../contract/index.ts";
import { findReadOnly, setReadOnly } from "../../registry/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { HandlersOf } from "./call.ts";
import { timeOf } from "./page.ts";

export const maintenanceHandlers: HandlersOf<typeof maintenanceEndpoints> = {
  async getMaintenance({ management: { registry } }) {
    return { body: show(await findReadOnly(registry)) };
  },
  async setReadOnly({ management: { registry }, by, body: { state, reason } }) {
    if (state === "on" && reason === undefined) {
      throw new RegistryError("REQUEST_INVALID", "people whose pushes are refused want to know why: send a `reason`");
    }
    if (state === "off" && registry.settings.readOnly === true) {
      const message = "this node was started with --read-only: start it again without";
      throw new RegistryError("REQUEST_INVALID", message);
    }
    await setReadOnly(registry, by, state === "on" ? reason! : null);
    return { body: show(await findReadOnly(registry)) };
  },
};

function show(readOnly: Awaited<ReturnType<typeof findReadOnly>>) {
  const { reason = null, by = null, since = null } = readOnly ?? {};
  return { readOnly: readOnly !== undefined, reason, by, since: since === null ? null : timeOf(since) };
}
