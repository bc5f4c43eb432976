import { configJsonSchema } from './jsonschema.ts';

/** The part of JSON Schema that the configuration's schema uses. */
interface SchemaNode {
  readonly type?: unknown;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: unknown;
  readonly oneOf?: readonly unknown[] | undefined;
  readonly additionalProperties?: unknown;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
}

const introduction = `# Configuration reference

<!-- Made from src/config; a test keeps it current (vitest -u writes it anew). -->
<!-- prettier-ignore-start -->

One YAML file: \`-c <file>\`, else \`HOLDFAST_CONFIG\`, else \`config/holdfast.yaml\`. Unknown keys are errors.
\`holdfast config check\` says what is wrong with a file and prints what is in effect; \`holdfast config schema\`
prints the JSON Schema for editors.

- **References.** In texts, \`\${NAME}\` is replaced by the environment variable and \`\${file:/path}\` by the content of
  the file without the newline at its end; \`$\${\` stands for a literal \`\${\`. Missing and empty ones are errors,
  except of providers that a \`restore\`, or a \`drill\`, \`verify\` or \`probe\` of named providers, can do without.
- **Sizes** are \`512\`, \`512KiB\`, \`1MB\`, \`1.5GiB\`; **rates** \`100MiB/s\`; **durations** \`500ms\`, \`30s\`, \`5m\`, \`1h30m\`,
  \`30d\`; **percentages** \`10%\`.
- **Paths** are relative to the working directory of the process, not to the file.
- **Secrets** are never printed or logged: they show as \`(hidden)\`.
- YAML anchors and aliases are read, merge keys (\`<<\`) are not.
`;

/** The reference for people, in Markdown, from the same schema that checks the file. */
export function configReference(): string {
  const { catalog, providers, policies, ...sections } = childrenOf(configJsonSchema());
  const kinds = asNode(asNode(providers).additionalProperties).oneOf ?? [];
  return [
    introduction,
    `## catalog\n\n${table([row('catalog', asNode(catalog), true)])}`,
    `## providers\n\n${asNode(providers).description}\n`,
    ...kinds.map((kind) => `### ${asNode(kind).title}\n\n${table(rows('', kind))}`),
    `## policies\n\n${asNode(policies).description} A list of:\n\n${table(rows('', asNode(policies).items))}`,
    ...Object.entries(sections).map(
      ([name, section]) => `## ${name}\n\n${asNode(section).description}\n\n${table(rows(`${name}.`, section))}`,
    ),
    '<!-- prettier-ignore-end -->\n',
  ].join('\n');
}

function rows(prefix: string, value: unknown): readonly string[] {
  const section = asNode(value);
  return Object.entries(section.properties ?? {}).flatMap(([key, child]) => {
    const own = row(prefix + key, asNode(child), section.required?.includes(key) ?? false);
    return [own, ...rows(`${prefix}${key}.`, child)];
  });
}

function row(path: string, node: SchemaNode, required: boolean): string {
  return cells([code(path), valueOf(node), required ? 'required' : defaultOf(node), node.description ?? '']);
}

function table(body: readonly string[]): string {
  return [cells(['Key', 'Value', 'Default', 'Meaning']), '|---|---|---|---|', ...body, ''].join('\n');
}

function cells(texts: readonly string[]): string {
  return `| ${texts.map((text) => text.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
}

function valueOf(node: SchemaNode): string {
  if (typeof node.const === 'string') return code(node.const);
  if (node.enum !== undefined) return node.enum.map((each) => code(String(each))).join(', ');
  if (node.type === 'array') return 'list';
  if (node.type === 'object') return 'mapping';
  if (node.type === 'integer') return `${node.minimum} to ${node.maximum}`;
  if (node.type === 'boolean') return '`true`, `false`';
  return node.title ?? 'text';
}

/** A section's own default is not shown: its keys say it. */
function defaultOf({ default: value }: SchemaNode): string {
  return typeof value === 'string' || typeof value === 'number' ? code(String(value)) : '';
}

function code(text: string): string {
  return `\`${text}\``;
}

function childrenOf(value: unknown): Readonly<Record<string, unknown>> {
  return asNode(value).properties ?? {};
}

function asNode(value: unknown): SchemaNode {
  return typeof value === 'object' && value !== null ? value : {};
}
