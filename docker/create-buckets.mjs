// Creates the bucket at the S3 and GCS servers and the container at the Azure one. Does nothing where they exist.
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';

const { NAME, S3_ENDPOINT, GCS_ENDPOINT, AZURE_STORAGE_CONNECTION_STRING } = process.env;

async function createS3Bucket() {
  const client = new S3Client({ region: 'us-east-1', endpoint: S3_ENDPOINT, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: NAME })).catch((error) => {
    if (error.name !== 'BucketAlreadyOwnedByYou') throw error;
  });
}

async function createGcsBucket() {
  const answer = await fetch(`${GCS_ENDPOINT}/storage/v1/b?project=holdfast`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: NAME }),
  });
  if (!answer.ok && answer.status !== 409) throw new Error(`GCS answered ${answer.status}: ${await answer.text()}`);
}

async function createAzureContainer() {
  const service = BlobServiceClient.fromConnectionString(AZURE_STORAGE_CONNECTION_STRING);
  await service.getContainerClient(NAME).createIfNotExists();
}

await Promise.all([createS3Bucket(), createGcsBucket(), createAzureContainer()]);
