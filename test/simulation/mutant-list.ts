/** A bug to be planted: `find` must be in `file` exactly once. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The first seed that is tried. */
  readonly from?: number;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'settle before commit',
    file: 'src/catalog/sqlite/write-queue.ts',
    find: 'this.#jobs.push({ weight, work: () => settleWith(work(), resolve), reject });',
    replace:
      'this.#jobs.push({ weight, work: () => { const value = work(); resolve(value); return () => undefined; }, reject });',
  },
  {
    name: 'the fence is ignored',
    file: 'src/catalog/sqlite/settle.ts',
    find: 'if (object === undefined || object.lease_token !== settlement.token) return false;',
    replace: 'if (object === undefined) return false;',
  },
  {
    name: 'a claim keeps the token',
    file: 'src/catalog/sqlite/claim.ts',
    find: 'set lease_owner = ?, lease_token = lease_token + 1,',
    replace: 'set lease_owner = ?, lease_token = max(lease_token, 1),',
  },
  {
    name: 'a broken read goes on with whatever stands there now',
    file: 'src/replication/read-source.ts',
    find: 'const which = versionId === undefined ? { version } : { versionId };',
    replace: 'const which = versionId === undefined ? (offset === 0 ? { version } : {}) : { versionId };',
  },
  {
    name: 'a range is of whatever stands there now',
    file: 'src/replication/read-source.ts',
    find: 'const which = versionId === undefined ? { version } : { versionId };',
    replace: 'const which = versionId === undefined ? (end === size ? { version } : {}) : { versionId };',
  },
  {
    name: 'visible before its digest is known to be right',
    file: 'src/replication/copy.ts',
    find: '    requireArrived(job, stream.head, digest);\n    requireDigest(job, digest, stream.from);\n',
    replace: '',
  },
  {
    name: 'the digest of a large object is not compared',
    file: 'src/replication/upload.ts',
    find: '    requireDigest(this.#job, digest, this.stream.from);\n',
    replace: '',
  },
  {
    name: 'what was kept of an upload is not compared with what is read now',
    file: 'src/replication/open-upload.ts',
    find: 'if (part.number === before.parts && sha256 !== before.sha256) throw otherBytes(this.entry.row);',
    replace: 'void sha256; void otherBytes;',
  },
  {
    name: 'uploads are thrown away under a live lease',
    file: 'src/catalog/sqlite/orphans.ts',
    find: '(u.given_up = 1 or (not ${isLeased} and (',
    replace: '(u.given_up = 1 or ((',
  },
  {
    name: 'any copy takes the uploads of its target with it',
    file: 'src/catalog/sqlite/outcomes.ts',
    find: 'if (outcome.upload !== undefined) dropCompleted(ledger, outcome.upload, copy.object_id);',
    replace:
      "ledger.db.run('delete from uploads where object_id = ? and target_id = ?', copy.object_id, copy.target_id); void dropCompleted;",
  },
  {
    name: 'what is left behind counts as copied',
    file: 'src/replication/copy.ts',
    find: 'return { read: { digest, attributes: content.attributes, from: stream.from }, outcomes };',
    replace: `const told = [...outcomes].map(([name, outcome]) => [name, (outcome as object).constructor.name === 'LeftBehind'
      ? { version: 'left', evidence: { method: 'attested',
      by: 'crc32c', sha256: digest.sha256, at: options.clock.now() }, written: true, recorded: true } : outcome] as const);
      return { read: { digest, attributes: content.attributes, from: stream.from }, outcomes: new Map(told) as typeof outcomes };`,
  },
  {
    name: 'the guard is off by one',
    file: 'src/replication/guard.ts',
    find: 'return changed >= limits.minObjects && changed > limits.maxChanged * known;',
    replace: 'return changed > limits.minObjects && changed > limits.maxChanged * known;',
  },
  {
    name: 'an empty source is believed',
    file: 'src/replication/guard.ts',
    find: 'if (listed === 0 && seen.known > 0 && seen.listingFailed === undefined) {',
    replace: 'if (listed === 0 && seen.known > 1_000 && seen.listingFailed === undefined) {',
  },
  {
    name: 'a listing that broke off counts as whole',
    file: 'src/replication/detect.ts',
    find: 'this.#seen.sourceFailure = asFailure(error, this.#policy.source.name, this.#signal);',
    replace:
      'this.#targets.clear(); void this.#source.close(); asFailure(error, this.#policy.source.name, this.#signal);',
  },
  {
    name: 'what is not attested is not read back',
    file: 'src/replication/store.ts',
    find: 'const { version, attested, name } = stored;',
    replace: "const { version, attested = 'crc32c', name } = stored;",
  },
  {
    name: 'writes carry no precondition',
    file: 'src/replication/store.ts',
    find: 'return occupied === null ? { absent: true } : { version: occupied };',
    replace: 'return (occupied === null ? undefined : undefined) as never;',
  },
  {
    name: 'a delete takes whatever stands there',
    file: 'src/replication/deletion.ts',
    find: 'await provider.delete(key, { precondition: { version } }, signal);',
    replace: 'await provider.delete(key, {}, signal);',
  },
  {
    name: 'the source is not asked before a delete',
    file: 'src/replication/deletion.ts',
    find: 'observed = await standingAtSource(source, object.key, signal);',
    replace: 'observed = undefined; void standingAtSource;',
  },
  {
    name: 'nothing is kept of what is replaced',
    file: 'src/replication/keep.ts',
    find: 'if (standing === undefined || saysItIs(standing, replaced.by)) return;',
    replace: 'if (standing === undefined || !saysItIs(standing, replaced.by)) return;',
  },
  {
    name: 'a kept version goes when it is kept',
    file: 'src/replication/keep.ts',
    find: 'expiresAt: replacedAt + history };',
    replace: 'expiresAt: replacedAt };',
  },
  {
    name: 'a copy that is missing is no news',
    file: 'src/replication/compare.ts',
    find: "return expected ? { kind: 'missing', ...about } : undefined;",
    replace: 'return expected ? undefined : undefined;',
  },
  {
    name: 'an overwrite during a copy is forgotten',
    file: 'src/catalog/sqlite/settle.ts',
    find: 'object.version === settlement.version ? applyAll',
    replace: "object.version !== '' ? applyAll",
  },
  {
    name: 'a wrong copy is taken for right',
    file: 'src/replication/prove.ts',
    find: 'if (found !== digest.sha256)\n',
    replace: "if (found.slice(0, 0) !== '')\n",
  },
  {
    name: 'memory is not given back',
    file: 'src/replication/copy.ts',
    find: '  } finally {\n    release();\n  }',
    replace: '  } finally {\n    if (!signal.aborted) release();\n  }',
  },
];
