import { explainRights } from "../../access/index.ts";
import type { meEndpoints } from "../../contract/index.ts";
import type { HandlersOf } from "./call.ts";
import { describeApi } from "./openapi.ts";

export const meHandlers: HandlersOf<typeof meEndpoints> = {
  async whoAmI({ management: { registry }, caller: { principal } }) {
    const { kind, name, credential, limits } = principal;
    const everything = kind === "operator" || kind === "system";
    const rights = await explainRights(registry.access, principal, { kind: "namespace", path: "" });
    const serverOwner = everything || rights["manage-access"].allowed;
    return { body: { kind, name, credential, scoped: limits.length > 0, serverOwner } };
  },
  describeApi: () => Promise.resolve({ body: describeApi() }),
};
