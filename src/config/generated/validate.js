// Made from src/config/options.ts by `make gen`; do not edit.
"use strict";
export const mobiked = validate10;
const schema11 = {"$id":"mobiked","type":"object","additionalProperties":false,"required":[],"properties":{"enabled":{"type":"boolean","default":true},"log_level":{"type":"string","enum":["error","warn","info","debug"],"default":"info"},"node_id":{"type":"string","maxLength":64}}};

function validate10(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="mobiked" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.enabled === undefined){
data.enabled = true;
}
if(data.log_level === undefined){
data.log_level = "info";
}
for(const key0 in data){
if(!(((key0 === "enabled") || (key0 === "log_level")) || (key0 === "node_id"))){
const err0 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
}
if(typeof data.enabled !== "boolean"){
const err1 = {instancePath:instancePath+"/enabled",schemaPath:"#/properties/enabled/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
let data1 = data.log_level;
if(typeof data1 !== "string"){
const err2 = {instancePath:instancePath+"/log_level",schemaPath:"#/properties/log_level/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(!((((data1 === "error") || (data1 === "warn")) || (data1 === "info")) || (data1 === "debug"))){
const err3 = {instancePath:instancePath+"/log_level",schemaPath:"#/properties/log_level/enum",keyword:"enum",params:{allowedValues: schema11.properties.log_level.enum}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
if(data.node_id !== undefined){
let data2 = data.node_id;
if(typeof data2 === "string"){
if(data2.length > 64){
const err4 = {instancePath:instancePath+"/node_id",schemaPath:"#/properties/node_id/maxLength",keyword:"maxLength",params:{limit: 64}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
else {
const err5 = {instancePath:instancePath+"/node_id",schemaPath:"#/properties/node_id/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
}
else {
const err6 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
validate10.errors = vErrors;
return errors === 0;
}

export const uplink = validate11;
const schema12 = {"$id":"uplink","type":"object","additionalProperties":false,"required":[],"properties":{"enabled":{"type":"boolean","default":true},"interface":{"type":"string","maxLength":64},"device":{"type":"string","maxLength":15},"metric":{"type":"integer","minimum":0,"maximum":1000000},"metered":{"type":"boolean","default":false}}};

function validate11(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="uplink" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.enabled === undefined){
data.enabled = true;
}
if(data.metered === undefined){
data.metered = false;
}
for(const key0 in data){
if(!(((((key0 === "enabled") || (key0 === "interface")) || (key0 === "device")) || (key0 === "metric")) || (key0 === "metered"))){
const err0 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
}
if(typeof data.enabled !== "boolean"){
const err1 = {instancePath:instancePath+"/enabled",schemaPath:"#/properties/enabled/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
if(data.interface !== undefined){
let data1 = data.interface;
if(typeof data1 === "string"){
if(data1.length > 64){
const err2 = {instancePath:instancePath+"/interface",schemaPath:"#/properties/interface/maxLength",keyword:"maxLength",params:{limit: 64}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
}
else {
const err3 = {instancePath:instancePath+"/interface",schemaPath:"#/properties/interface/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
if(data.device !== undefined){
let data2 = data.device;
if(typeof data2 === "string"){
if(data2.length > 15){
const err4 = {instancePath:instancePath+"/device",schemaPath:"#/properties/device/maxLength",keyword:"maxLength",params:{limit: 15}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
else {
const err5 = {instancePath:instancePath+"/device",schemaPath:"#/properties/device/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
if(data.metric !== undefined){
let data3 = data.metric;
if(!(((typeof data3 == "number") && (!(data3 % 1) && !isNaN(data3))) && (isFinite(data3)))){
const err6 = {instancePath:instancePath+"/metric",schemaPath:"#/properties/metric/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
if((typeof data3 == "number") && (isFinite(data3))){
if(data3 > 1000000 || isNaN(data3)){
const err7 = {instancePath:instancePath+"/metric",schemaPath:"#/properties/metric/maximum",keyword:"maximum",params:{comparison: "<=", limit: 1000000}};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
if(data3 < 0 || isNaN(data3)){
const err8 = {instancePath:instancePath+"/metric",schemaPath:"#/properties/metric/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0}};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
}
if(typeof data.metered !== "boolean"){
const err9 = {instancePath:instancePath+"/metered",schemaPath:"#/properties/metered/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
else {
const err10 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
validate11.errors = vErrors;
return errors === 0;
}

export const connection = validate12;
const schema13 = {"$id":"connection","type":"object","additionalProperties":false,"required":[],"properties":{"enabled":{"type":"boolean","default":true},"role":{"type":"string","enum":["initiator","responder"],"default":"initiator"},"remote_addrs":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"local_addrs":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"local_id":{"type":"string","maxLength":255},"remote_id":{"type":"string","maxLength":255},"auth":{"type":"string","enum":["psk"],"default":"psk"},"psk":{"type":"string","maxLength":512},"psk_file":{"type":"string","maxLength":255},"mobike":{"type":"boolean","default":true},"uplink":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"ike_proposal":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true,"default":["aes256gcm16-prfsha256-x25519","aes256gcm16-prfsha256-ecp256","aes128gcm16-prfsha256-x25519","aes128gcm16-prfsha256-ecp256"]},"nat_t":{"type":"string","enum":["auto","always","never"],"default":"auto"},"dataplane":{"type":"string","enum":["auto","userspace"],"default":"auto"},"ike_lifetime":{"type":"integer","minimum":10,"maximum":604800,"default":14400},"child_lifetime":{"type":"integer","minimum":10,"maximum":604800,"default":3600},"liveness":{"type":"integer","minimum":1,"maximum":86400},"mtu":{"type":"integer","minimum":576,"maximum":9000},"block_on_stop":{"type":"boolean","default":false}}};
const func2 = Object.prototype.hasOwnProperty;

function validate12(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="connection" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.enabled === undefined){
data.enabled = true;
}
if(data.role === undefined){
data.role = "initiator";
}
if(data.auth === undefined){
data.auth = "psk";
}
if(data.mobike === undefined){
data.mobike = true;
}
if(data.ike_proposal === undefined){
data.ike_proposal = ["aes256gcm16-prfsha256-x25519","aes256gcm16-prfsha256-ecp256","aes128gcm16-prfsha256-x25519","aes128gcm16-prfsha256-ecp256"];
}
if(data.nat_t === undefined){
data.nat_t = "auto";
}
if(data.dataplane === undefined){
data.dataplane = "auto";
}
if(data.ike_lifetime === undefined){
data.ike_lifetime = 14400;
}
if(data.child_lifetime === undefined){
data.child_lifetime = 3600;
}
if(data.block_on_stop === undefined){
data.block_on_stop = false;
}
for(const key0 in data){
if(!(func2.call(schema13.properties, key0))){
const err0 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
}
if(typeof data.enabled !== "boolean"){
const err1 = {instancePath:instancePath+"/enabled",schemaPath:"#/properties/enabled/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
let data1 = data.role;
if(typeof data1 !== "string"){
const err2 = {instancePath:instancePath+"/role",schemaPath:"#/properties/role/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(!((data1 === "initiator") || (data1 === "responder"))){
const err3 = {instancePath:instancePath+"/role",schemaPath:"#/properties/role/enum",keyword:"enum",params:{allowedValues: schema13.properties.role.enum}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
if(data.remote_addrs !== undefined){
let data2 = data.remote_addrs;
if(Array.isArray(data2)){
if(data2.length > 64){
const err4 = {instancePath:instancePath+"/remote_addrs",schemaPath:"#/properties/remote_addrs/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
const len0 = data2.length;
for(let i0=0; i0<len0; i0++){
let data3 = data2[i0];
if(typeof data3 === "string"){
if(data3.length > 255){
const err5 = {instancePath:instancePath+"/remote_addrs/" + i0,schemaPath:"#/properties/remote_addrs/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
if(data3.length < 1){
const err6 = {instancePath:instancePath+"/remote_addrs/" + i0,schemaPath:"#/properties/remote_addrs/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
else {
const err7 = {instancePath:instancePath+"/remote_addrs/" + i0,schemaPath:"#/properties/remote_addrs/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
let i1 = data2.length;
let j0;
if(i1 > 1){
const indices0 = {};
for(;i1--;){
let item0 = data2[i1];
if(typeof item0 !== "string"){
continue;
}
if(typeof indices0[item0] == "number"){
j0 = indices0[item0];
const err8 = {instancePath:instancePath+"/remote_addrs",schemaPath:"#/properties/remote_addrs/uniqueItems",keyword:"uniqueItems",params:{i: i1, j: j0}};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
break;
}
indices0[item0] = i1;
}
}
}
else {
const err9 = {instancePath:instancePath+"/remote_addrs",schemaPath:"#/properties/remote_addrs/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
if(data.local_addrs !== undefined){
let data4 = data.local_addrs;
if(Array.isArray(data4)){
if(data4.length > 64){
const err10 = {instancePath:instancePath+"/local_addrs",schemaPath:"#/properties/local_addrs/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
const len1 = data4.length;
for(let i2=0; i2<len1; i2++){
let data5 = data4[i2];
if(typeof data5 === "string"){
if(data5.length > 255){
const err11 = {instancePath:instancePath+"/local_addrs/" + i2,schemaPath:"#/properties/local_addrs/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
if(data5.length < 1){
const err12 = {instancePath:instancePath+"/local_addrs/" + i2,schemaPath:"#/properties/local_addrs/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
else {
const err13 = {instancePath:instancePath+"/local_addrs/" + i2,schemaPath:"#/properties/local_addrs/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
let i3 = data4.length;
let j1;
if(i3 > 1){
const indices1 = {};
for(;i3--;){
let item1 = data4[i3];
if(typeof item1 !== "string"){
continue;
}
if(typeof indices1[item1] == "number"){
j1 = indices1[item1];
const err14 = {instancePath:instancePath+"/local_addrs",schemaPath:"#/properties/local_addrs/uniqueItems",keyword:"uniqueItems",params:{i: i3, j: j1}};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
break;
}
indices1[item1] = i3;
}
}
}
else {
const err15 = {instancePath:instancePath+"/local_addrs",schemaPath:"#/properties/local_addrs/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
}
if(data.local_id !== undefined){
let data6 = data.local_id;
if(typeof data6 === "string"){
if(data6.length > 255){
const err16 = {instancePath:instancePath+"/local_id",schemaPath:"#/properties/local_id/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
}
else {
const err17 = {instancePath:instancePath+"/local_id",schemaPath:"#/properties/local_id/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
if(data.remote_id !== undefined){
let data7 = data.remote_id;
if(typeof data7 === "string"){
if(data7.length > 255){
const err18 = {instancePath:instancePath+"/remote_id",schemaPath:"#/properties/remote_id/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
}
else {
const err19 = {instancePath:instancePath+"/remote_id",schemaPath:"#/properties/remote_id/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
}
let data8 = data.auth;
if(typeof data8 !== "string"){
const err20 = {instancePath:instancePath+"/auth",schemaPath:"#/properties/auth/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
if(!(data8 === "psk")){
const err21 = {instancePath:instancePath+"/auth",schemaPath:"#/properties/auth/enum",keyword:"enum",params:{allowedValues: schema13.properties.auth.enum}};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
if(data.psk !== undefined){
let data9 = data.psk;
if(typeof data9 === "string"){
if(data9.length > 512){
const err22 = {instancePath:instancePath+"/psk",schemaPath:"#/properties/psk/maxLength",keyword:"maxLength",params:{limit: 512}};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
}
else {
const err23 = {instancePath:instancePath+"/psk",schemaPath:"#/properties/psk/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
}
if(data.psk_file !== undefined){
let data10 = data.psk_file;
if(typeof data10 === "string"){
if(data10.length > 255){
const err24 = {instancePath:instancePath+"/psk_file",schemaPath:"#/properties/psk_file/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
}
else {
const err25 = {instancePath:instancePath+"/psk_file",schemaPath:"#/properties/psk_file/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
}
if(typeof data.mobike !== "boolean"){
const err26 = {instancePath:instancePath+"/mobike",schemaPath:"#/properties/mobike/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
if(data.uplink !== undefined){
let data12 = data.uplink;
if(Array.isArray(data12)){
if(data12.length > 64){
const err27 = {instancePath:instancePath+"/uplink",schemaPath:"#/properties/uplink/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
const len2 = data12.length;
for(let i4=0; i4<len2; i4++){
let data13 = data12[i4];
if(typeof data13 === "string"){
if(data13.length > 255){
const err28 = {instancePath:instancePath+"/uplink/" + i4,schemaPath:"#/properties/uplink/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
if(data13.length < 1){
const err29 = {instancePath:instancePath+"/uplink/" + i4,schemaPath:"#/properties/uplink/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
}
}
else {
const err30 = {instancePath:instancePath+"/uplink/" + i4,schemaPath:"#/properties/uplink/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
}
let i5 = data12.length;
let j2;
if(i5 > 1){
const indices2 = {};
for(;i5--;){
let item2 = data12[i5];
if(typeof item2 !== "string"){
continue;
}
if(typeof indices2[item2] == "number"){
j2 = indices2[item2];
const err31 = {instancePath:instancePath+"/uplink",schemaPath:"#/properties/uplink/uniqueItems",keyword:"uniqueItems",params:{i: i5, j: j2}};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
break;
}
indices2[item2] = i5;
}
}
}
else {
const err32 = {instancePath:instancePath+"/uplink",schemaPath:"#/properties/uplink/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
}
let data14 = data.ike_proposal;
if(Array.isArray(data14)){
if(data14.length > 64){
const err33 = {instancePath:instancePath+"/ike_proposal",schemaPath:"#/properties/ike_proposal/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
}
const len3 = data14.length;
for(let i6=0; i6<len3; i6++){
let data15 = data14[i6];
if(typeof data15 === "string"){
if(data15.length > 255){
const err34 = {instancePath:instancePath+"/ike_proposal/" + i6,schemaPath:"#/properties/ike_proposal/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
if(data15.length < 1){
const err35 = {instancePath:instancePath+"/ike_proposal/" + i6,schemaPath:"#/properties/ike_proposal/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
}
else {
const err36 = {instancePath:instancePath+"/ike_proposal/" + i6,schemaPath:"#/properties/ike_proposal/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
}
let i7 = data14.length;
let j3;
if(i7 > 1){
const indices3 = {};
for(;i7--;){
let item3 = data14[i7];
if(typeof item3 !== "string"){
continue;
}
if(typeof indices3[item3] == "number"){
j3 = indices3[item3];
const err37 = {instancePath:instancePath+"/ike_proposal",schemaPath:"#/properties/ike_proposal/uniqueItems",keyword:"uniqueItems",params:{i: i7, j: j3}};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
break;
}
indices3[item3] = i7;
}
}
}
else {
const err38 = {instancePath:instancePath+"/ike_proposal",schemaPath:"#/properties/ike_proposal/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err38];
}
else {
vErrors.push(err38);
}
errors++;
}
let data16 = data.nat_t;
if(typeof data16 !== "string"){
const err39 = {instancePath:instancePath+"/nat_t",schemaPath:"#/properties/nat_t/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err39];
}
else {
vErrors.push(err39);
}
errors++;
}
if(!(((data16 === "auto") || (data16 === "always")) || (data16 === "never"))){
const err40 = {instancePath:instancePath+"/nat_t",schemaPath:"#/properties/nat_t/enum",keyword:"enum",params:{allowedValues: schema13.properties.nat_t.enum}};
if(vErrors === null){
vErrors = [err40];
}
else {
vErrors.push(err40);
}
errors++;
}
let data17 = data.dataplane;
if(typeof data17 !== "string"){
const err41 = {instancePath:instancePath+"/dataplane",schemaPath:"#/properties/dataplane/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err41];
}
else {
vErrors.push(err41);
}
errors++;
}
if(!((data17 === "auto") || (data17 === "userspace"))){
const err42 = {instancePath:instancePath+"/dataplane",schemaPath:"#/properties/dataplane/enum",keyword:"enum",params:{allowedValues: schema13.properties.dataplane.enum}};
if(vErrors === null){
vErrors = [err42];
}
else {
vErrors.push(err42);
}
errors++;
}
let data18 = data.ike_lifetime;
if(!(((typeof data18 == "number") && (!(data18 % 1) && !isNaN(data18))) && (isFinite(data18)))){
const err43 = {instancePath:instancePath+"/ike_lifetime",schemaPath:"#/properties/ike_lifetime/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err43];
}
else {
vErrors.push(err43);
}
errors++;
}
if((typeof data18 == "number") && (isFinite(data18))){
if(data18 > 604800 || isNaN(data18)){
const err44 = {instancePath:instancePath+"/ike_lifetime",schemaPath:"#/properties/ike_lifetime/maximum",keyword:"maximum",params:{comparison: "<=", limit: 604800}};
if(vErrors === null){
vErrors = [err44];
}
else {
vErrors.push(err44);
}
errors++;
}
if(data18 < 10 || isNaN(data18)){
const err45 = {instancePath:instancePath+"/ike_lifetime",schemaPath:"#/properties/ike_lifetime/minimum",keyword:"minimum",params:{comparison: ">=", limit: 10}};
if(vErrors === null){
vErrors = [err45];
}
else {
vErrors.push(err45);
}
errors++;
}
}
let data19 = data.child_lifetime;
if(!(((typeof data19 == "number") && (!(data19 % 1) && !isNaN(data19))) && (isFinite(data19)))){
const err46 = {instancePath:instancePath+"/child_lifetime",schemaPath:"#/properties/child_lifetime/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err46];
}
else {
vErrors.push(err46);
}
errors++;
}
if((typeof data19 == "number") && (isFinite(data19))){
if(data19 > 604800 || isNaN(data19)){
const err47 = {instancePath:instancePath+"/child_lifetime",schemaPath:"#/properties/child_lifetime/maximum",keyword:"maximum",params:{comparison: "<=", limit: 604800}};
if(vErrors === null){
vErrors = [err47];
}
else {
vErrors.push(err47);
}
errors++;
}
if(data19 < 10 || isNaN(data19)){
const err48 = {instancePath:instancePath+"/child_lifetime",schemaPath:"#/properties/child_lifetime/minimum",keyword:"minimum",params:{comparison: ">=", limit: 10}};
if(vErrors === null){
vErrors = [err48];
}
else {
vErrors.push(err48);
}
errors++;
}
}
if(data.liveness !== undefined){
let data20 = data.liveness;
if(!(((typeof data20 == "number") && (!(data20 % 1) && !isNaN(data20))) && (isFinite(data20)))){
const err49 = {instancePath:instancePath+"/liveness",schemaPath:"#/properties/liveness/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err49];
}
else {
vErrors.push(err49);
}
errors++;
}
if((typeof data20 == "number") && (isFinite(data20))){
if(data20 > 86400 || isNaN(data20)){
const err50 = {instancePath:instancePath+"/liveness",schemaPath:"#/properties/liveness/maximum",keyword:"maximum",params:{comparison: "<=", limit: 86400}};
if(vErrors === null){
vErrors = [err50];
}
else {
vErrors.push(err50);
}
errors++;
}
if(data20 < 1 || isNaN(data20)){
const err51 = {instancePath:instancePath+"/liveness",schemaPath:"#/properties/liveness/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1}};
if(vErrors === null){
vErrors = [err51];
}
else {
vErrors.push(err51);
}
errors++;
}
}
}
if(data.mtu !== undefined){
let data21 = data.mtu;
if(!(((typeof data21 == "number") && (!(data21 % 1) && !isNaN(data21))) && (isFinite(data21)))){
const err52 = {instancePath:instancePath+"/mtu",schemaPath:"#/properties/mtu/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err52];
}
else {
vErrors.push(err52);
}
errors++;
}
if((typeof data21 == "number") && (isFinite(data21))){
if(data21 > 9000 || isNaN(data21)){
const err53 = {instancePath:instancePath+"/mtu",schemaPath:"#/properties/mtu/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9000}};
if(vErrors === null){
vErrors = [err53];
}
else {
vErrors.push(err53);
}
errors++;
}
if(data21 < 576 || isNaN(data21)){
const err54 = {instancePath:instancePath+"/mtu",schemaPath:"#/properties/mtu/minimum",keyword:"minimum",params:{comparison: ">=", limit: 576}};
if(vErrors === null){
vErrors = [err54];
}
else {
vErrors.push(err54);
}
errors++;
}
}
}
if(typeof data.block_on_stop !== "boolean"){
const err55 = {instancePath:instancePath+"/block_on_stop",schemaPath:"#/properties/block_on_stop/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err55];
}
else {
vErrors.push(err55);
}
errors++;
}
}
else {
const err56 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err56];
}
else {
vErrors.push(err56);
}
errors++;
}
validate12.errors = vErrors;
return errors === 0;
}

export const child = validate13;
const schema14 = {"$id":"child","type":"object","additionalProperties":false,"required":["connection","local_ts","remote_ts"],"properties":{"connection":{"type":"string","maxLength":64},"local_ts":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"remote_ts":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"esp_proposal":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true,"default":["aes256gcm16","aes128gcm16"]}}};

function validate13(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="child" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.esp_proposal === undefined){
data.esp_proposal = ["aes256gcm16","aes128gcm16"];
}
if(data.connection === undefined){
const err0 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "connection"}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
if(data.local_ts === undefined){
const err1 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "local_ts"}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
if(data.remote_ts === undefined){
const err2 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "remote_ts"}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
for(const key0 in data){
if(!((((key0 === "connection") || (key0 === "local_ts")) || (key0 === "remote_ts")) || (key0 === "esp_proposal"))){
const err3 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
if(data.connection !== undefined){
let data0 = data.connection;
if(typeof data0 === "string"){
if(data0.length > 64){
const err4 = {instancePath:instancePath+"/connection",schemaPath:"#/properties/connection/maxLength",keyword:"maxLength",params:{limit: 64}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
else {
const err5 = {instancePath:instancePath+"/connection",schemaPath:"#/properties/connection/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
if(data.local_ts !== undefined){
let data1 = data.local_ts;
if(Array.isArray(data1)){
if(data1.length > 64){
const err6 = {instancePath:instancePath+"/local_ts",schemaPath:"#/properties/local_ts/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
const len0 = data1.length;
for(let i0=0; i0<len0; i0++){
let data2 = data1[i0];
if(typeof data2 === "string"){
if(data2.length > 255){
const err7 = {instancePath:instancePath+"/local_ts/" + i0,schemaPath:"#/properties/local_ts/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
if(data2.length < 1){
const err8 = {instancePath:instancePath+"/local_ts/" + i0,schemaPath:"#/properties/local_ts/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
else {
const err9 = {instancePath:instancePath+"/local_ts/" + i0,schemaPath:"#/properties/local_ts/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
let i1 = data1.length;
let j0;
if(i1 > 1){
const indices0 = {};
for(;i1--;){
let item0 = data1[i1];
if(typeof item0 !== "string"){
continue;
}
if(typeof indices0[item0] == "number"){
j0 = indices0[item0];
const err10 = {instancePath:instancePath+"/local_ts",schemaPath:"#/properties/local_ts/uniqueItems",keyword:"uniqueItems",params:{i: i1, j: j0}};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
break;
}
indices0[item0] = i1;
}
}
}
else {
const err11 = {instancePath:instancePath+"/local_ts",schemaPath:"#/properties/local_ts/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
}
if(data.remote_ts !== undefined){
let data3 = data.remote_ts;
if(Array.isArray(data3)){
if(data3.length > 64){
const err12 = {instancePath:instancePath+"/remote_ts",schemaPath:"#/properties/remote_ts/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
const len1 = data3.length;
for(let i2=0; i2<len1; i2++){
let data4 = data3[i2];
if(typeof data4 === "string"){
if(data4.length > 255){
const err13 = {instancePath:instancePath+"/remote_ts/" + i2,schemaPath:"#/properties/remote_ts/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
if(data4.length < 1){
const err14 = {instancePath:instancePath+"/remote_ts/" + i2,schemaPath:"#/properties/remote_ts/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
}
else {
const err15 = {instancePath:instancePath+"/remote_ts/" + i2,schemaPath:"#/properties/remote_ts/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
}
let i3 = data3.length;
let j1;
if(i3 > 1){
const indices1 = {};
for(;i3--;){
let item1 = data3[i3];
if(typeof item1 !== "string"){
continue;
}
if(typeof indices1[item1] == "number"){
j1 = indices1[item1];
const err16 = {instancePath:instancePath+"/remote_ts",schemaPath:"#/properties/remote_ts/uniqueItems",keyword:"uniqueItems",params:{i: i3, j: j1}};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
break;
}
indices1[item1] = i3;
}
}
}
else {
const err17 = {instancePath:instancePath+"/remote_ts",schemaPath:"#/properties/remote_ts/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
let data5 = data.esp_proposal;
if(Array.isArray(data5)){
if(data5.length > 64){
const err18 = {instancePath:instancePath+"/esp_proposal",schemaPath:"#/properties/esp_proposal/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
const len2 = data5.length;
for(let i4=0; i4<len2; i4++){
let data6 = data5[i4];
if(typeof data6 === "string"){
if(data6.length > 255){
const err19 = {instancePath:instancePath+"/esp_proposal/" + i4,schemaPath:"#/properties/esp_proposal/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
if(data6.length < 1){
const err20 = {instancePath:instancePath+"/esp_proposal/" + i4,schemaPath:"#/properties/esp_proposal/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
}
else {
const err21 = {instancePath:instancePath+"/esp_proposal/" + i4,schemaPath:"#/properties/esp_proposal/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
}
let i5 = data5.length;
let j2;
if(i5 > 1){
const indices2 = {};
for(;i5--;){
let item2 = data5[i5];
if(typeof item2 !== "string"){
continue;
}
if(typeof indices2[item2] == "number"){
j2 = indices2[item2];
const err22 = {instancePath:instancePath+"/esp_proposal",schemaPath:"#/properties/esp_proposal/uniqueItems",keyword:"uniqueItems",params:{i: i5, j: j2}};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
break;
}
indices2[item2] = i5;
}
}
}
else {
const err23 = {instancePath:instancePath+"/esp_proposal",schemaPath:"#/properties/esp_proposal/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
}
else {
const err24 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
validate13.errors = vErrors;
return errors === 0;
}

export const mqtt = validate14;
const schema15 = {"$id":"mqtt","type":"object","additionalProperties":false,"required":["broker"],"properties":{"enabled":{"type":"boolean","default":true},"broker":{"type":"string","maxLength":512},"ca":{"type":"string","maxLength":255},"username":{"type":"string","maxLength":255},"password":{"type":"string","maxLength":512},"password_file":{"type":"string","maxLength":255},"topic_prefix":{"type":"string","maxLength":128,"default":"mobiked"},"interval":{"type":"integer","minimum":1,"maximum":86400,"default":60},"via":{"type":"string","enum":["auto","tunnel","uplink"],"default":"auto"},"queue":{"type":"integer","minimum":1,"maximum":100000,"default":1000}}};

function validate14(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="mqtt" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.enabled === undefined){
data.enabled = true;
}
if(data.topic_prefix === undefined){
data.topic_prefix = "mobiked";
}
if(data.interval === undefined){
data.interval = 60;
}
if(data.via === undefined){
data.via = "auto";
}
if(data.queue === undefined){
data.queue = 1000;
}
if(data.broker === undefined){
const err0 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "broker"}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
for(const key0 in data){
if(!(func2.call(schema15.properties, key0))){
const err1 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
}
if(typeof data.enabled !== "boolean"){
const err2 = {instancePath:instancePath+"/enabled",schemaPath:"#/properties/enabled/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(data.broker !== undefined){
let data1 = data.broker;
if(typeof data1 === "string"){
if(data1.length > 512){
const err3 = {instancePath:instancePath+"/broker",schemaPath:"#/properties/broker/maxLength",keyword:"maxLength",params:{limit: 512}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
else {
const err4 = {instancePath:instancePath+"/broker",schemaPath:"#/properties/broker/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
if(data.ca !== undefined){
let data2 = data.ca;
if(typeof data2 === "string"){
if(data2.length > 255){
const err5 = {instancePath:instancePath+"/ca",schemaPath:"#/properties/ca/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
else {
const err6 = {instancePath:instancePath+"/ca",schemaPath:"#/properties/ca/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
if(data.username !== undefined){
let data3 = data.username;
if(typeof data3 === "string"){
if(data3.length > 255){
const err7 = {instancePath:instancePath+"/username",schemaPath:"#/properties/username/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
else {
const err8 = {instancePath:instancePath+"/username",schemaPath:"#/properties/username/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
if(data.password !== undefined){
let data4 = data.password;
if(typeof data4 === "string"){
if(data4.length > 512){
const err9 = {instancePath:instancePath+"/password",schemaPath:"#/properties/password/maxLength",keyword:"maxLength",params:{limit: 512}};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
else {
const err10 = {instancePath:instancePath+"/password",schemaPath:"#/properties/password/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
}
if(data.password_file !== undefined){
let data5 = data.password_file;
if(typeof data5 === "string"){
if(data5.length > 255){
const err11 = {instancePath:instancePath+"/password_file",schemaPath:"#/properties/password_file/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
}
else {
const err12 = {instancePath:instancePath+"/password_file",schemaPath:"#/properties/password_file/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
let data6 = data.topic_prefix;
if(typeof data6 === "string"){
if(data6.length > 128){
const err13 = {instancePath:instancePath+"/topic_prefix",schemaPath:"#/properties/topic_prefix/maxLength",keyword:"maxLength",params:{limit: 128}};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
else {
const err14 = {instancePath:instancePath+"/topic_prefix",schemaPath:"#/properties/topic_prefix/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
let data7 = data.interval;
if(!(((typeof data7 == "number") && (!(data7 % 1) && !isNaN(data7))) && (isFinite(data7)))){
const err15 = {instancePath:instancePath+"/interval",schemaPath:"#/properties/interval/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
if((typeof data7 == "number") && (isFinite(data7))){
if(data7 > 86400 || isNaN(data7)){
const err16 = {instancePath:instancePath+"/interval",schemaPath:"#/properties/interval/maximum",keyword:"maximum",params:{comparison: "<=", limit: 86400}};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
if(data7 < 1 || isNaN(data7)){
const err17 = {instancePath:instancePath+"/interval",schemaPath:"#/properties/interval/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1}};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
let data8 = data.via;
if(typeof data8 !== "string"){
const err18 = {instancePath:instancePath+"/via",schemaPath:"#/properties/via/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
if(!(((data8 === "auto") || (data8 === "tunnel")) || (data8 === "uplink"))){
const err19 = {instancePath:instancePath+"/via",schemaPath:"#/properties/via/enum",keyword:"enum",params:{allowedValues: schema15.properties.via.enum}};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
let data9 = data.queue;
if(!(((typeof data9 == "number") && (!(data9 % 1) && !isNaN(data9))) && (isFinite(data9)))){
const err20 = {instancePath:instancePath+"/queue",schemaPath:"#/properties/queue/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
if((typeof data9 == "number") && (isFinite(data9))){
if(data9 > 100000 || isNaN(data9)){
const err21 = {instancePath:instancePath+"/queue",schemaPath:"#/properties/queue/maximum",keyword:"maximum",params:{comparison: "<=", limit: 100000}};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
if(data9 < 1 || isNaN(data9)){
const err22 = {instancePath:instancePath+"/queue",schemaPath:"#/properties/queue/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1}};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
}
}
else {
const err23 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
validate14.errors = vErrors;
return errors === 0;
}
