import { XmlError, XmlScan } from '../xml-scan.ts';

/** One blob as List Blobs shows it: texts as they are written. */
export interface ListedBlob {
  readonly name: string | undefined;
  /** The name is url-encoded: XML could not carry it. */
  readonly encoded: boolean;
  readonly size: string | undefined;
  readonly etag: string | undefined;
  readonly modifiedAt: string | undefined;
}

/** The answer to List Blobs, as far as it is used. */
export interface ListingAnswer {
  readonly blobs: readonly ListedBlob[];
  /** Where the next page begins; empty or absent on the last. */
  readonly marker: string | undefined;
}

/** @throws XmlError when it is no whole listing. */
export function parseListing(xml: string): ListingAnswer {
  const scan = new XmlScan(xml);
  let blobs: ListedBlob[] | undefined;
  let marker: string | undefined;
  scan.root('EnumerationResults');
  for (let name = scan.child(); name !== undefined; name = scan.child()) {
    if (name === 'NextMarker') marker = scan.textOnce(marker);
    else if (name !== 'Blobs') scan.skip();
    else if (blobs === undefined) blobs = readBlobs(scan);
    else throw scan.twice();
  }
  scan.end();
  if (blobs === undefined) throw new XmlError('there is no <Blobs> in it');
  return { blobs, marker };
}

function readBlobs(scan: XmlScan): ListedBlob[] {
  const blobs: ListedBlob[] = [];
  for (let name = scan.child(); name !== undefined; name = scan.child()) {
    if (name === 'Blob') blobs.push(readBlob(scan));
    else scan.skip();
  }
  return blobs;
}

interface Properties {
  size?: string;
  etag?: string;
  modifiedAt?: string;
}

function readBlob(scan: XmlScan): ListedBlob {
  let name: string | undefined;
  let encoded = false;
  let properties: Properties | undefined;
  for (let field = scan.child(); field !== undefined; field = scan.child()) {
    if (field === 'Name') {
      encoded = isSet(scan.attribute('Encoded'));
      name = scan.textOnce(name);
    } else if (field !== 'Properties') scan.skip();
    else if (properties === undefined) properties = readProperties(scan);
    else throw scan.twice();
  }
  return { name, encoded, size: properties?.size, etag: properties?.etag, modifiedAt: properties?.modifiedAt };
}

function isSet(attribute: string | undefined): boolean {
  return attribute !== undefined && attribute !== '' && attribute !== 'false';
}

function readProperties(scan: XmlScan): Properties {
  let size, etag, modifiedAt: string | undefined;
  for (let field = scan.child(); field !== undefined; field = scan.child()) {
    if (field === 'Content-Length') size = scan.textOnce(size);
    else if (field === 'Etag') etag = scan.textOnce(etag);
    else if (field === 'Last-Modified') modifiedAt = scan.textOnce(modifiedAt);
    else scan.skip();
  }
  return { size, etag, modifiedAt } as Properties;
}
