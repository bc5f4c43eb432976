import type { Catalog } from '../../../src/catalog/catalog.ts';
import type { Claim, Settlement } from '../../../src/catalog/claims.ts';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { Model } from './model.ts';

interface CopyRow {
  readonly state: string;
  readonly version: string | null;
}

const copyOf = `select c.state, c.version from copies c join targets t on t.id = c.target_id where c.object_id = ? and t.name = ?`;

/** Watches claims and settlements: no lease that was lost completes anything, and what was acknowledged is there. */
export function fenced(catalog: Catalog, process: Process, world: World, model: Model): Catalog {
  const { database, fences } = world;
  const took = (claims: readonly Claim[]): readonly Claim[] => {
    for (const { objectId, token } of claims) {
      const held = fences.get(objectId) ?? 0;
      if (token <= held) model.violated('a lease has a token of its own', `object ${objectId}: ${token} after ${held}`);
      fences.set(objectId, Math.max(held, token));
    }
    return claims;
  };
  const settled = (
    settlements: readonly Settlement[],
    newest: readonly number[],
    applied: readonly boolean[],
  ): void => {
    for (const [index, { objectId, token, copies }] of settlements.entries()) {
      if (applied[index] !== true) continue;
      if (token < (newest[index] ?? 0)) {
        model.violated('a lost lease completes nothing', `${process.name}, object ${objectId}, token ${token}`);
      }
      for (const copy of copies) {
        if (copy.state !== 'verified') continue;
        const row = database.get<CopyRow>(copyOf, objectId, copy.target);
        if (row !== undefined && row.version !== copy.version) {
          model.violated('what was acknowledged is recorded', `${process.name}, object ${objectId} at ${copy.target}`);
        }
      }
    }
  };
  const synced = (policies: readonly { readonly name: string }[]): void => {
    if (process.dead) return;
    for (const { name } of policies) {
      if (database.get('select id from policies where name = ?', name) === undefined)
        model.violated('what was acknowledged is recorded', `${process.name}, policy ${name}`);
    }
  };
  return new Proxy(catalog, {
    get: (target, name): unknown => {
      if (name === 'syncPolicies') {
        return async (...args: Parameters<Catalog['syncPolicies']>) => {
          const result = await target.syncPolicies(...args);
          synced(args[0]);
          return result;
        };
      }
      if (name === 'claim')
        return async (request: Parameters<Catalog['claim']>[0]) => took(await target.claim(request));
      if (name === 'settle') {
        return async (settlements: readonly Settlement[]) => {
          const newest = settlements.map(({ objectId }) => fences.get(objectId) ?? 0);
          const applied = await target.settle(settlements);
          settled(settlements, newest, applied);
          return applied;
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
