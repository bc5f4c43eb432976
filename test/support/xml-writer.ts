import type { Random } from '../../src/objects/clock.ts';

/** An element: its name, attributes as they are written, and what is in it. */
export interface Element {
  readonly name: string;
  readonly attributes?: string;
  readonly content: string | readonly Element[];
}

/** Writes elements in all the ways that XML leaves open. */
export class XmlWriter {
  readonly #random: Random;
  readonly #numbers: boolean;

  /** `numbers`: some characters are written as the numbers they are. */
  constructor(random: Random, { numbers }: { readonly numbers: boolean }) {
    this.#random = random;
    this.#numbers = numbers;
  }

  document(root: Element): string {
    const begin = this.#pick(['', '<?xml version="1.0" encoding="utf-8"?>', '<?xml version="1.0"?>\r\n']);
    return begin + this.#element(root) + this.#pick(['', '\n', '<!-- end -->']);
  }

  #element({ name, attributes = '', content }: Element): string {
    const tag = attributes === '' ? name : `${name} ${attributes}`;
    if (content.length === 0) return this.#pick([`<${tag}/>`, `<${tag} />`, `<${tag}></${name}>`]);
    if (typeof content === 'string') return `<${tag}>${this.#text(content)}</${name}>`;
    const inner = content.map((element) => this.#gap() + this.#element(element)).join('');
    return `<${tag}>${inner}${this.#gap()}</${name}>`;
  }

  #gap(): string {
    return this.#pick(['', '', '', '\n  ', '\r\n', '<!-- <not-an-element> -->']);
  }

  #text(text: string): string {
    if (this.#random() < 0.1) return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
    return Array.from(text, (character) => this.#character(character)).join('');
  }

  #character(character: string): string {
    const code = character.codePointAt(0) ?? 0;
    if (this.#numbers && code < 0x80 && this.#random() < 0.05)
      return this.#pick([`&#${code};`, `&#x${code.toString(16)};`]);
    return references.get(character) ?? character;
  }

  #pick(from: readonly string[]): string {
    return from[Math.floor(this.#random() * from.length)] ?? '';
  }
}

const references = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
]);

/** The same with something cut out, doubled, moved or changed. */
export function damagedXml(xml: string, random: Random): string {
  // No bytes that arrive become half of a surrogate pair.
  return damaged(xml, random).toWellFormed();
}

function damaged(xml: string, random: Random): string {
  const at = Math.floor(random() * xml.length);
  const length = Math.floor(random() * (random() < 0.5 ? 3 : 300));
  const piece = xml.slice(at, at + length);
  const without = xml.slice(0, at) + xml.slice(at + length);
  const elsewhere = Math.floor(random() * without.length);
  switch (Math.floor(random() * 4)) {
    case 0:
      return without;
    case 1:
      return xml.slice(0, at) + piece + xml.slice(at);
    case 2:
      return without.slice(0, elsewhere) + piece + without.slice(elsewhere);
    default: {
      const odd = `<>&/"';=! \n]-x0`;
      return xml.slice(0, at) + odd.charAt(Math.floor(random() * odd.length)) + xml.slice(at + 1);
    }
  }
}
