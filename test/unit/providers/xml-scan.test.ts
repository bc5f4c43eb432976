import { describe, expect, test } from 'vitest';
import { XmlError, XmlScan } from '../../../src/providers/xml-scan.ts';

/** The text of `<x>`, the only element. */
function textOf(xml: string): string {
  const scan = new XmlScan(xml);
  scan.root('x');
  const text = scan.text();
  scan.end();
  return text;
}

type Tree = string | { readonly [name: string]: Tree };

/** Elements that hold elements are read as such; a `-` in front of a name skips the element. */
function read(xml: string): Tree {
  const scan = new XmlScan(xml);
  scan.root('x');
  const tree = children(scan);
  scan.end();
  return tree;
}

function children(scan: XmlScan): Tree {
  const tree: Record<string, Tree> = {};
  for (let name = scan.child(); name !== undefined; name = scan.child()) {
    if (name === 'skipped') scan.skip();
    else tree[name] = name === 'nested' ? children(scan) : scan.text();
  }
  return tree;
}

describe('text', () => {
  test.each([
    ['<x>a</x>', 'a'],
    ['<x></x>', ''],
    ['<x/>', ''],
    ['<x />', ''],
    ['<x a="1" b = \'>"/\' >a</x >', 'a'],
    ['\ufeff<?xml version="1.0"?>\r\n<!-- < --><x>a</x>\n<!-- --> <?p ?>', 'a'],
    ['<p:x xmlns:p="urn:p">a</p:x>', 'a'],
    ['<x>&lt;&gt;&amp;&quot;&apos;</x>', '<>&"\''],
    ['<x>&amp;amp;</x>', '&amp;'],
    ['<x>a&#10;b&#xA;c&#x1F600;&#1;</x>', 'a\nb\nc\u{1F600}\u0001'],
    ['<x>a<![CDATA[<&amp;]]]]>b</x>', 'a<&amp;]]b'],
    ['<x>a<!-- &broken <y> -->b<?p ?>c</x>', 'abc'],
    ['<x> \t a ></x>', ' \t a >'],
    ['<x>a\r\nb\rc&#13;</x>', 'a\nb\nc\r'],
    ['<x>é\u{1F600}\u0001</x>', 'é\u{1F600}\u0001'],
  ])('of %j is %j', (xml, expected) => {
    expect(textOf(xml)).toBe(expected);
  });
});

describe('elements', () => {
  test.each<[string, Tree]>([
    ['<x/>', {}],
    ['<x> <a>1</a>\n<b/><!-- c --><c>3</c> </x>', { a: '1', b: '', c: '3' }],
    ['<x><nested><a>1</a><nested/></nested><b>2</b></x>', { nested: { a: '1', nested: {} }, b: '2' }],
    ['<x><skipped>t<skipped/><y>&nothing;<z/></y><![CDATA[</x>]]></skipped><b>2</b></x>', { b: '2' }],
    ['<x><skipped/><skipped></skipped><b>2</b></x>', { b: '2' }],
    ['<x><p:a q:b="1">1</p:a></x>', { a: '1' }],
  ])('of %j', (xml, expected) => {
    expect(read(xml)).toEqual(expected);
  });

  test('tell their attributes', () => {
    const scan = new XmlScan('<x a="1" b=\'&quot;\'><y/></x>');
    scan.root('x');
    expect([scan.attribute('a'), scan.attribute('b'), scan.attribute('c')]).toEqual(['1', '"', undefined]);
    scan.child();
    expect(scan.attribute('a')).toBeUndefined();
  });
});

describe('what is no XML throws', () => {
  test.each([
    '',
    ' ',
    'a',
    '{}',
    '<y/>',
    '<x>',
    '<x',
    '<x/',
    '<x a',
    '<x a=',
    '<x a="',
    '<x a=1/>',
    '<x a="<"/>',
    '<x a="1"b="2"/>',
    '<x "a"/>',
    '<x / >',
    '<x></',
    '<x></x',
    '<x></y>',
    '<x></xx>',
    '</x>',
    '< x/>',
    '<x>a',
    '<x>&</x>',
    '<x>&amp</x>',
    '<x>&nbsp;</x>',
    '<x>&toString;</x>',
    '<x>&#;</x>',
    '<x>&#x110000;</x>',
    '<x>&#xD800;</x>',
    '<x>&#55296;</x>',
    '<x><![CDATA[a]]</x>',
    '<x><!-- a</x>',
    '<x><? a</x>',
    '<x><!a></x>',
    '<!DOCTYPE x><x/>',
    '<![CDATA[]]><x/>',
    '<x/>a',
    '<x/><y/>',
    '<x/></x>',
    '<x><y/></x>',
  ])('as text of one element: %j', (xml) => {
    expect(() => textOf(xml)).toThrow(XmlError);
  });

  test.each([
    '<x>a<b/></x>',
    '<x><b/>a</x>',
    '<x><![CDATA[a]]</x>',
    '<x><a>1</x>',
    '<x><a>1</a>',
    '<x><skipped></x>',
    '<x><skipped><y></skipped></x>',
    '<x><skipped><y></skipped></y></x>',
    '<x><nested></x></nested>',
  ])('as elements: %j', (xml) => {
    expect(() => read(xml)).toThrow(XmlError);
  });
});
