/** What is not well-formed XML, or broke off. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

/**
 * Reads XML element by element, without building anything. A document that is not well-formed or breaks off throws,
 * wherever it does. Document types are refused: no service sends one, and they can change what the rest means.
 *
 * Whoever has opened an element with `child` takes its `text`, its children, or skips it. Text between elements must be
 * blank.
 */
export class XmlScan {
  readonly #xml: string;
  #at: number;
  /** Names of the elements that are open, as they are written. */
  readonly #open: string[] = [];
  /** The element that was opened last is `<x/>`: its end follows without a tag. */
  #empty = false;
  #attributes: Map<string, string> | undefined;

  constructor(xml: string) {
    this.#xml = xml;
    this.#at = xml.charCodeAt(0) === 0xfeff ? 1 : 0;
  }

  /** Opens the document's element. @throws XmlError when it has another name. */
  root(name: string): void {
    const found = this.child();
    if (found !== name) throw new XmlError(`<${found ?? ''}> stands where <${name}> should`);
  }

  /** Opens the next element within the open one. @returns its name without prefix; undefined when there is no more: the open one is closed then. */
  child(): string | undefined {
    if (this.#empty) return this.#closeEmpty();
    for (;;) {
      const at = this.#blankUntilMarkup();
      const next = this.#xml.charCodeAt(at + 1);
      if (next === slash) return this.#endTag(at);
      if (next !== bang && next !== question) return this.#startTag(at);
      this.#at = this.#afterOther(at);
    }
  }

  /** The text of the element just opened, which is closed. @throws XmlError when there are elements in it. */
  text(): string {
    if (this.#empty) return this.#closeEmpty() ?? '';
    let text = '';
    for (;;) {
      const at = this.#markup();
      text += unescaped(this.#xml.slice(this.#at, at));
      const next = this.#xml.charCodeAt(at + 1);
      if (next === slash) {
        this.#endTag(at);
        return text;
      }
      if (next !== bang && next !== question) throw new XmlError(`<${this.#open.at(-1)}> holds more than text`);
      this.#at = this.#afterOther(at);
      if (this.#xml.startsWith(cdata, at)) text += lines(this.#xml.slice(at + cdata.length, this.#at - 3));
    }
  }

  /** The same of one that may be there once. `before`: what it said, if it was there. */
  textOnce(before: string | undefined): string {
    if (before !== undefined) throw this.twice();
    return this.text();
  }

  /** The element just opened was there before. */
  twice(): XmlError {
    return new XmlError(`<${this.#open.at(-1)}> stands there twice`);
  }

  /** Closes the element just opened, whatever is in it. */
  skip(): void {
    const outside = this.#open.length - 1;
    while (this.#open.length > outside) {
      if (this.#empty) {
        this.#closeEmpty();
        continue;
      }
      const at = this.#markup();
      const next = this.#xml.charCodeAt(at + 1);
      if (next === slash) this.#endTag(at);
      else if (next === bang || next === question) this.#at = this.#afterOther(at);
      else this.#startTag(at);
    }
  }

  /** Of the element just opened. */
  attribute(name: string): string | undefined {
    return this.#attributes?.get(name);
  }

  /** @throws XmlError when the document does not end here. */
  end(): void {
    if (this.#open.length > 0) throw new XmlError(`<${this.#open.at(-1)}> is not closed`);
    for (;;) {
      const at = this.#xml.indexOf('<', this.#at);
      this.#requireBlank(at < 0 ? this.#xml.length : at);
      if (at < 0) return;
      const next = this.#xml.charCodeAt(at + 1);
      if (next !== bang && next !== question) throw new XmlError('there is more after the end');
      this.#at = this.#afterOther(at);
    }
  }

  #blankUntilMarkup(): number {
    const at = this.#markup();
    if (at > this.#at) this.#requireBlank(at);
    return at;
  }

  #markup(): number {
    const at = this.#xml.indexOf('<', this.#at);
    if (at < 0) throw new XmlError('it breaks off');
    return at;
  }

  #requireBlank(end: number): void {
    for (let at = this.#at; at < end; at += 1) {
      if (!isBlank(this.#xml.charCodeAt(at))) throw new XmlError('there is text where only elements belong');
    }
  }

  #startTag(at: number): string {
    const begin = at + 1;
    let end = begin;
    let local = begin;
    for (let code = this.#xml.charCodeAt(end); isInName(code); code = this.#xml.charCodeAt(end)) {
      end += 1;
      if (code === colon) local = end;
    }
    if (end === local) throw new XmlError(this.#brokenTag(at));
    const name = this.#xml.slice(begin, end);
    this.#open.push(name);
    this.#at = end;
    this.#attributes = undefined;
    if (this.#xml.charCodeAt(end) === greater) {
      this.#at += 1;
      this.#empty = false;
    } else this.#endOfStartTag();
    return local === begin ? name : this.#xml.slice(local, end);
  }

  #endOfStartTag(): void {
    while (this.#attribute());
    this.#empty = this.#xml.charCodeAt(this.#at) === slash;
    if (this.#empty) this.#at += 1;
    this.#expect(greater);
  }

  /** Reads the next attribute of a start tag. @returns false when there is none. */
  #attribute(): boolean {
    const { length } = this.#xml;
    const before = this.#at;
    this.#skipBlank();
    const begin = this.#at;
    const first = this.#xml.charCodeAt(begin);
    if (first === greater || first === slash) return false;
    while (isInName(this.#xml.charCodeAt(this.#at))) this.#at += 1;
    const name = this.#xml.slice(begin, this.#at);
    if (name === '' || before === begin) throw new XmlError(begin >= length ? 'it breaks off' : this.#brokenTag(begin));
    this.#skipBlank();
    this.#expect(equals);
    this.#skipBlank();
    const quote = this.#xml.charAt(this.#at);
    const end = quote === '"' || quote === "'" ? this.#xml.indexOf(quote, this.#at + 1) : -1;
    if (end < 0) throw new XmlError(this.#brokenTag(begin));
    const value = this.#xml.slice(this.#at + 1, end);
    if (value.includes('<')) throw new XmlError(this.#brokenTag(begin));
    this.#attributes ??= new Map();
    this.#attributes.set(name, unescaped(value));
    this.#at = end + 1;
    return true;
  }

  #endTag(at: number): undefined {
    const name = this.#open.pop();
    if (name === undefined || !this.#xml.startsWith(name, at + 2)) throw new XmlError(this.#brokenTag(at));
    this.#at = at + 2 + name.length;
    if (this.#xml.charCodeAt(this.#at) !== greater) this.#skipBlank();
    this.#expect(greater);
  }

  #closeEmpty(): undefined {
    this.#empty = false;
    this.#open.pop();
  }

  /** @returns where a comment, a processing instruction or a CDATA section ends. */
  #afterOther(at: number): number {
    for (const [begin, end] of others) {
      if (!this.#xml.startsWith(begin, at)) continue;
      const found = this.#xml.indexOf(end, at + begin.length);
      if (found < 0) throw new XmlError('it breaks off');
      if (begin === cdata && this.#open.length === 0) break;
      return found + end.length;
    }
    throw new XmlError(this.#brokenTag(at));
  }

  #skipBlank(): void {
    while (isBlank(this.#xml.charCodeAt(this.#at))) this.#at += 1;
  }

  #expect(code: number): void {
    if (this.#xml.charCodeAt(this.#at) !== code) {
      throw new XmlError(this.#at >= this.#xml.length ? 'it breaks off' : this.#brokenTag(this.#at));
    }
    this.#at += 1;
  }

  #brokenTag(at: number): string {
    return `${JSON.stringify(this.#xml.slice(at, at + 40))} is no tag that belongs there`;
  }
}

const [slash, bang, question, greater, equals, colon] = [0x2f, 0x21, 0x3f, 0x3e, 0x3d, 0x3a] as const;
const cdata = '<![CDATA[';
const others = [
  ['<!--', '-->'],
  [cdata, ']]>'],
  ['<?', '?>'],
] as const;

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Rather too much than too little: what XML has as names beyond ASCII is not told apart. */
function isInName(code: number): boolean {
  if (code >= 0x61) return code <= 0x7a || code >= 0x80;
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x2d && code <= 0x3a && code !== slash) || code === 0x5f;
}

const named: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** Text as it is meant. @throws XmlError for a reference to what only a document type could define. */
function unescaped(raw: string): string {
  let ampersand = raw.indexOf('&');
  if (ampersand < 0) return lines(raw);
  let text = '';
  let at = 0;
  while (ampersand >= 0) {
    const end = raw.indexOf(';', ampersand);
    const name = raw.slice(ampersand + 1, end < 0 ? raw.length : end);
    const character = end < 0 ? undefined : (named.get(name) ?? numbered(name));
    if (character === undefined) throw new XmlError(`${JSON.stringify(`&${name.slice(0, 20)}`)} is no reference`);
    text += lines(raw.slice(at, ampersand)) + character;
    at = end + 1;
    ampersand = raw.indexOf('&', at);
  }
  return text + lines(raw.slice(at));
}

/** Control characters are let through, though XML 1.0 has none: services write keys with them so. */
function numbered(name: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name) ?? [];
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : undefined;
}

/** Line ends are one character, however they are written (XML 1.0, 2.11). */
function lines(text: string): string {
  return text.includes('\r') ? text.replaceAll(/\r\n?/g, '\n') : text;
}
