// three.js: node load.mjs, GLB on stdin, what it makes of it as JSON on stdout.
import { readFileSync } from 'node:fs';
import { Vector3 } from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { MeshoptDecoder } from 'three/examples/jsm/libs/meshopt_decoder.module.js';

globalThis.self ??= globalThis;
await MeshoptDecoder.ready;
const bytes = readFileSync(0);
const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const gltf = await new GLTFLoader().setMeshoptDecoder(MeshoptDecoder).parseAsync(data, '');
const list = (attribute) => [...Array(attribute.count).keys()].flatMap((i) => new Vector3().fromBufferAttribute(attribute, i).toArray());

gltf.scene.updateMatrixWorld(true);
const meshes = [];
gltf.scene.traverse((object) => {
  if (!object.isMesh) return;
  const { position, normal } = object.geometry.attributes;
  const world = [...Array(position.count).keys()].flatMap((i) =>
    new Vector3().fromBufferAttribute(position, i).applyMatrix4(object.matrixWorld).toArray(),
  );
  meshes.push({
    name: object.name,
    extras: object.userData,
    world,
    normal: list(normal),
    index: [...object.geometry.index.array],
    colour: object.material.color.getHex(),
    opacity: object.material.opacity,
    transparent: object.material.transparent,
  });
});
console.log(JSON.stringify({ scene: gltf.scene.name, nodes: gltf.parser.json.nodes.length, meshes }));
