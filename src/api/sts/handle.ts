import { verifySignature } from "../../access/index.ts";
import type { Access, Caller } from "../../access/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { readBody, sendJson, sendRefusal } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { stsOperations } from "./operations.ts";
import { readParameters } from "./parameters.ts";
import { explainError, StsError } from "./sts-error.ts";
import { formatXml } from "./xml.ts";

/** What the Security Token Service works with. */
export interface StsDoor {
  readonly access: Access;
  /** 12 digits of the account that the host and the region stand for. */
  readonly accountOf: (host: string, region: string) => string;
  /** Told of what breaks. */
  readonly broke: (exchange: Exchange, error: unknown) => void;
  /** The registry's error for whatever was run into. */
  readonly translate: (error: unknown) => RegistryError;
}

const version = "2011-06-15";
const namespace = `https://sts.amazonaws.com/doc/${version}/`;
const contentType = "text/xml";
/** Where nobody says a region. */
const standardRegion = "us-east-1";
/** Bytes. */
const bodyLimit = 64 * 1024;

/** Whether a request is a call of the query protocol: a form, or an address that is signed. */
export function isStsCall({ path, query, request }: Exchange): boolean {
  if (path !== "/" || request.headers["x-amz-target"] !== undefined) return false;
  if (request.method === "GET") return /(?:^|&)Action=/.test(query);
  return (
    request.method === "POST" && /^application\/x-www-form-urlencoded\b/i.test(request.headers["content-type"] ?? "")
  );
}

/** Answers a call of the Security Token Service (AWS Query, XML). */
export function handleSts(door: StsDoor, exchange: Exchange): void {
  exchange.route = "sts";
  void answer(door, exchange).then(
    (text) =>
      sendJson(exchange, 200, ["x-amzn-RequestId", exchange.id, "Cache-Control", "no-store"], text, contentType),
    (error: unknown) => {
      const { status, code, message } = explainError(error, door.translate);
      if (status >= 500) door.broke(exchange, error);
      const type = status >= 500 ? "Receiver" : "Sender";
      const said = formatXml({ Error: { Type: type, Code: code, Message: message }, RequestId: exchange.id });
      const text = `<ErrorResponse xmlns="${namespace}">${said}</ErrorResponse>`;
      sendRefusal(exchange, { status }, ["x-amzn-RequestId", exchange.id], text, contentType);
    },
  );
}

async function answer(door: StsDoor, exchange: Exchange): Promise<string> {
  const { request, path, query } = exchange;
  const method = request.method ?? "";
  const body = await readBody(exchange, bodyLimit, () => {
    return new RegistryError("BODY_TOO_LARGE", "a call has at most 64 KiB: send less");
  });
  const parameters = readParameters(method === "GET" ? query : body.toString("utf8"));
  const action = parameters.get("Action") ?? "";
  const operation = Object.hasOwn(stsOperations, action) ? stsOperations[action] : undefined;
  if (operation === undefined || parameters.get("Version") !== version) {
    const asked = parameters.get("Version") ?? "";
    throw new StsError(
      400,
      "InvalidAction",
      `Could not find operation ${action.slice(0, 100)} for version ${asked.slice(0, 20)}`,
    );
  }
  const signed = { method, path, query, headers: request.rawHeaders, body };
  const { caller, region } =
    operation.unsigned === true
      ? { caller: strangerOf(exchange), region: standardRegion }
      : await verifySignature(door.access, signed, { service: "sts", where: exchange });
  exchange.principal = caller.principal;
  const place = { account: door.accountOf(exchange.outside.host, region), region };
  const result = await operation.run({ access: door.access, caller, place, parameters });
  const inner = formatXml({ [`${action}Result`]: result, ResponseMetadata: { RequestId: exchange.id } });
  return `<${action}Response xmlns="${namespace}">${inner}</${action}Response>`;
}

/** Whoever shows no signature: the operator in open mode, else nobody. */
function strangerOf({ principal, address, id }: Exchange): Caller {
  return { principal, address, id };
}
