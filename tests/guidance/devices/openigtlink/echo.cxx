// Reads OpenIGTLink messages with the reference library, checksums checked, and writes each anew from what its getters
// say. What comes out right was understood, and was packed by the library. Usage: echo FILE-IN FILE-OUT
#include <cstdio>
#include <cstring>
#include <vector>

#include <igtlCapabilityMessage.h>
#include <igtlImageMessage.h>
#include <igtlImageMetaMessage.h>
#include <igtlLabelMetaMessage.h>
#include <igtlMessageHeader.h>
#include <igtlPointMessage.h>
#include <igtlPolyDataMessage.h>
#include <igtlPositionMessage.h>
#include <igtlQuaternionTrackingDataMessage.h>
#include <igtlSensorMessage.h>
#include <igtlStatusMessage.h>
#include <igtlStringMessage.h>
#include <igtlTrackingDataMessage.h>
#include <igtlTrajectoryMessage.h>
#include <igtlTransformMessage.h>

using namespace igtl;

template <class M>
typename M::Pointer received(MessageHeader* header, FILE* in) {
  typename M::Pointer message = M::New();
  message->SetMessageHeader(header);
  message->AllocatePack();
  size_t size = message->GetPackBodySize();
  if (fread(message->GetPackBodyPointer(), 1, size, in) != size) exit(3);
  if (!(message->Unpack(1) & MessageHeader::UNPACK_BODY)) { fprintf(stderr, "%s not unpacked\n", header->GetDeviceType()); exit(4); }
  return message;
}

static void copy(TransformMessage* a, TransformMessage* b) { Matrix4x4 m; a->GetMatrix(m); b->SetMatrix(m); }

static void copy(PositionMessage* a, PositionMessage* b) {
  float p[3], q[4];
  a->GetPosition(p); a->GetQuaternion(q); b->SetPosition(p); b->SetQuaternion(q);
}

static void copy(TrackingDataMessage* a, TrackingDataMessage* b) {
  for (int i = 0; i < a->GetNumberOfTrackingDataElements(); i++) {
    TrackingDataElement::Pointer from, to = TrackingDataElement::New();
    a->GetTrackingDataElement(i, from);
    Matrix4x4 m; from->GetMatrix(m);
    to->SetName(from->GetName()); to->SetType(from->GetType()); to->SetMatrix(m);
    b->AddTrackingDataElement(to);
  }
}

static void copy(QuaternionTrackingDataMessage* a, QuaternionTrackingDataMessage* b) {
  for (int i = 0; i < a->GetNumberOfQuaternionTrackingDataElements(); i++) {
    QuaternionTrackingDataElement::Pointer from, to = QuaternionTrackingDataElement::New();
    a->GetQuaternionTrackingDataElement(i, from);
    float p[3], q[4]; from->GetPosition(p); from->GetQuaternion(q);
    to->SetName(from->GetName()); to->SetType(from->GetType()); to->SetPosition(p); to->SetQuaternion(q);
    b->AddQuaternionTrackingDataElement(to);
  }
}

static void copy(StatusMessage* a, StatusMessage* b) {
  b->SetCode(a->GetCode()); b->SetSubCode(a->GetSubCode());
  b->SetErrorName(a->GetErrorName()); b->SetStatusString(a->GetStatusString());
}

static void copy(StringMessage* a, StringMessage* b) { b->SetEncoding(a->GetEncoding()); b->SetString(a->GetString()); }

static void copy(PointMessage* a, PointMessage* b) {
  for (int i = 0; i < a->GetNumberOfPointElement(); i++) {
    PointElement::Pointer from, to = PointElement::New();
    a->GetPointElement(i, from);
    igtlUint8 c[4]; igtlFloat32 p[3]; from->GetRGBA(c); from->GetPosition(p);
    to->SetName(from->GetName()); to->SetGroupName(from->GetGroupName()); to->SetRGBA(c); to->SetPosition(p);
    to->SetRadius(from->GetRadius()); to->SetOwner(from->GetOwner());
    b->AddPointElement(to);
  }
}

static void copy(TrajectoryMessage* a, TrajectoryMessage* b) {
  for (int i = 0; i < a->GetNumberOfTrajectoryElement(); i++) {
    TrajectoryElement::Pointer from, to = TrajectoryElement::New();
    a->GetTrajectoryElement(i, from);
    igtlUint8 c[4]; igtlFloat32 p[3]; from->GetRGBA(c);
    to->SetName(from->GetName()); to->SetGroupName(from->GetGroupName()); to->SetType(from->GetType()); to->SetRGBA(c);
    from->GetEntryPosition(p); to->SetEntryPosition(p); from->GetTargetPosition(p); to->SetTargetPosition(p);
    to->SetRadius(from->GetRadius()); to->SetOwner(from->GetOwner());
    b->AddTrajectoryElement(to);
  }
}

static void copy(LabelMetaMessage* a, LabelMetaMessage* b) {
  for (int i = 0; i < a->GetNumberOfLabelMetaElement(); i++) {
    LabelMetaElement::Pointer from, to = LabelMetaElement::New();
    a->GetLabelMetaElement(i, from);
    igtlUint8 c[4]; igtlUint16 s[3]; from->GetRGBA(c); from->GetSize(s);
    to->SetName(from->GetName()); to->SetDeviceName(from->GetDeviceName()); to->SetLabel(from->GetLabel());
    to->SetRGBA(c); to->SetSize(s); to->SetOwner(from->GetOwner());
    b->AddLabelMetaElement(to);
  }
}

static void copy(ImageMetaMessage* a, ImageMetaMessage* b) {
  for (int i = 0; i < a->GetNumberOfImageMetaElement(); i++) {
    ImageMetaElement::Pointer from, to = ImageMetaElement::New();
    a->GetImageMetaElement(i, from);
    TimeStamp::Pointer t = TimeStamp::New(); igtlUint16 s[3];
    from->GetTimeStamp(t); from->GetSize(s);
    to->SetName(from->GetName()); to->SetDeviceName(from->GetDeviceName()); to->SetModality(from->GetModality());
    to->SetPatientName(from->GetPatientName()); to->SetPatientID(from->GetPatientID()); to->SetTimeStamp(t);
    to->SetSize(s); to->SetScalarType(from->GetScalarType());
    b->AddImageMetaElement(to);
  }
}

static void copy(SensorMessage* a, SensorMessage* b) {
  b->SetLength(a->GetLength()); b->SetUnit(a->GetUnit());
  for (unsigned i = 0; i < a->GetLength(); i++) b->SetValue(i, a->GetValue(i));
}

static void copy(CapabilityMessage* a, CapabilityMessage* b) { b->SetTypes(a->GetTypes()); }

static PolyDataCellArray::Pointer cells(PolyDataCellArray* from) {
  PolyDataCellArray::Pointer to = PolyDataCellArray::New();
  for (unsigned i = 0; from && i < from->GetNumberOfCells(); i++) {
    std::list<igtlUint32> cell; from->GetCell(i, cell); to->AddCell(cell);
  }
  return to;
}

static void copy(PolyDataMessage* a, PolyDataMessage* b) {
  PolyDataPointArray::Pointer points = PolyDataPointArray::New();
  for (int i = 0; i < a->GetPoints()->GetNumberOfPoints(); i++) {
    igtlFloat32 p[3]; a->GetPoints()->GetPoint(i, p); points->AddPoint(p);
  }
  b->SetPoints(points);
  PolyDataCellArray::Pointer v = cells(a->GetVertices()), l = cells(a->GetLines()), p = cells(a->GetPolygons()), t = cells(a->GetTriangleStrips());
  b->SetVertices(v); b->SetLines(l); b->SetPolygons(p); b->SetTriangleStrips(t);
  for (int i = 0; i < a->GetNumberOfAttributes(); i++) {
    PolyDataAttribute* from = a->GetAttribute(i);
    PolyDataAttribute::Pointer to = PolyDataAttribute::New();
    to->SetType(from->GetType(), from->GetNumberOfComponents()); to->SetName(from->GetName()); to->SetSize(from->GetSize());
    std::vector<igtlFloat32> values(from->GetSize() * from->GetNumberOfComponents());
    from->GetData(values.data()); to->SetData(values.data());
    b->AddAttribute(to);
  }
}

static void copy(ImageMessage* a, ImageMessage* b) {
  int size[3], box[3], start[3]; Matrix4x4 m;
  a->GetDimensions(size); a->GetSubVolume(box, start); a->GetMatrix(m);
  b->SetDimensions(size); b->SetSubVolume(box, start); b->SetNumComponents(a->GetNumComponents());
  b->SetScalarType(a->GetScalarType()); b->SetEndian(a->GetEndian()); b->SetCoordinateSystem(a->GetCoordinateSystem());
  float spacing[3]; a->GetSpacing(spacing); b->SetSpacing(spacing); b->SetMatrix(m);
  b->AllocateScalars();
  memcpy(b->GetScalarPointer(), a->GetScalarPointer(), a->GetSubVolumeImageSize());
}

template <class M>
void echo(MessageHeader* header, FILE* in, FILE* out) {
  typename M::Pointer from = received<M>(header, in), to = M::New();
  unsigned seconds, fraction;
  header->GetTimeStamp(&seconds, &fraction);
  to->SetDeviceName(header->GetDeviceName());
  to->SetTimeStamp(seconds, fraction);
  copy(from.GetPointer(), to.GetPointer());
  to->Pack();
  fwrite(to->GetPackPointer(), 1, to->GetPackSize(), out);
}

int main(int count, char** words) {
  if (count != 3) return 2;
  FILE *in = fopen(words[1], "rb"), *out = fopen(words[2], "wb");
  for (;;) {
    MessageHeader::Pointer header = MessageHeader::New();
    header->InitPack();
    if (fread(header->GetPackPointer(), 1, header->GetPackSize(), in) != (size_t)header->GetPackSize()) break;
    header->Unpack();
    std::string type = header->GetDeviceType();
    if (type == "TRANSFORM") echo<TransformMessage>(header, in, out);
    else if (type == "POSITION") echo<PositionMessage>(header, in, out);
    else if (type == "TDATA") echo<TrackingDataMessage>(header, in, out);
    else if (type == "QTDATA") echo<QuaternionTrackingDataMessage>(header, in, out);
    else if (type == "STATUS") echo<StatusMessage>(header, in, out);
    else if (type == "STRING") echo<StringMessage>(header, in, out);
    else if (type == "POINT") echo<PointMessage>(header, in, out);
    else if (type == "TRAJ") echo<TrajectoryMessage>(header, in, out);
    else if (type == "LBMETA") echo<LabelMetaMessage>(header, in, out);
    else if (type == "IMGMETA") echo<ImageMetaMessage>(header, in, out);
    else if (type == "SENSOR") echo<SensorMessage>(header, in, out);
    else if (type == "CAPABILITY") echo<CapabilityMessage>(header, in, out);
    else if (type == "POLYDATA") echo<PolyDataMessage>(header, in, out);
    else if (type == "IMAGE") echo<ImageMessage>(header, in, out);
    else { fprintf(stderr, "%s is not known\n", type.c_str()); return 5; }
  }
  fclose(out);
  return 0;
}
