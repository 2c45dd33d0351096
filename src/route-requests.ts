import { bearerFace, ecrFace, handleDistribution, isAccountHost, tellEcrUser } from "./api/distribution/index.ts";
import {
  findAccount,
  findHostRegion,
  handleEcr,
  handleLayerUrl,
  isEcrCall,
  isLayerUrl,
  listAccountsOf,
  standardRegion,
} from "./api/ecr/index.ts";
import type { EcrSettings } from "./api/ecr/index.ts";
import { Traffic } from "./api/http/index.ts";
import type { Exchange, TrafficLimits } from "./api/http/index.ts";
import { handleManagement } from "./api/management/index.ts";
import type { Management } from "./api/management/index.ts";
import type { SignOn } from "./access/index.ts";
import { handleToken, keysPath, tokenPath } from "./api/token/index.ts";
import { handleSso, isSsoPath } from "./api/sso/index.ts";
import { handleSts, isStsCall } from "./api/sts/index.ts";
import { translateError } from "./registry/index.ts";

/**
 * Which dialect answers which path.
 * @param limits what one principal may ask of content: below `/v2/`, and of the ECR API
 * @param broke told of what breaks while a request is answered
 * @param on with which people log in elsewhere
 * @param ecrSettings what clients of Amazon ECR find
 */
export function routeRequests(
  managed: Omit<Management, "ecrAccountsOf">,
  limits: TrafficLimits,
  broke: (exchange: Exchange, error: unknown) => void,
  on: SignOn,
  ecrSettings: EcrSettings,
): (exchange: Exchange) => void {
  const management = { ...managed, ecrAccountsOf: (path: string) => listAccountsOf(ecrSettings, path) };
  const { registry, jobs } = management;
  const traffic = new Traffic(limits);
  const ofEcr = {
    accountOf(host: string) {
      const region = findHostRegion(host) ?? standardRegion;
      const { id, namespace } = findAccount(ecrSettings, host, region);
      return { id, region, namespace };
    },
    createOnPush: ecrSettings.createOnPush,
    strict: ecrSettings.strict,
  };
  const front = { face: { ...bearerFace, tell: tellEcrUser(ofEcr) }, traffic };
  const accountFront = { face: ecrFace(ofEcr), traffic };
  const ecr = { registry, jobs, settings: ecrSettings, traffic };
  const door = { access: registry.access, broke, translate: translateError };
  const accountOf = (host: string, region: string) => findAccount(ecrSettings, host, region).id;
  return (exchange) => {
    const log = (error: unknown) => broke(exchange, error);
    if (exchange.path === tokenPath || exchange.path === keysPath) return handleToken(door, exchange);
    if (isEcrCall(exchange)) return handleEcr(ecr, exchange, log);
    if (isStsCall(exchange)) return handleSts({ ...door, accountOf }, exchange);
    if (isLayerUrl(exchange)) return handleLayerUrl(registry, traffic, exchange, log);
    if (isSsoPath(exchange.path)) return handleSso({ ...door, on }, exchange);
    if (exchange.path.startsWith("/api/")) return void handleManagement(management, exchange, log);
    return handleDistribution(registry, isAccountHost(exchange) ? accountFront : front, exchange, log);
  };
}
