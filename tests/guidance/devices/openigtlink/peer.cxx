// A peer made with the reference library. `peer ask PORT` connects to a server, asks for everything, and tells what it
// understood, a line each. `peer serve PORT` streams tracking data to one client, on demand, until it is told to stop.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <igtlCapabilityMessage.h>
#include <igtlClientSocket.h>
#include <igtlImageMessage.h>
#include <igtlImageMetaMessage.h>
#include <igtlLabelMetaMessage.h>
#include <igtlMessageHeader.h>
#include <igtlOSUtil.h>
#include <igtlPointMessage.h>
#include <igtlPolyDataMessage.h>
#include <igtlServerSocket.h>
#include <igtlStatusMessage.h>
#include <igtlTimeStamp.h>
#include <igtlTrackingDataMessage.h>
#include <igtlTrajectoryMessage.h>
#include <igtlTransformMessage.h>

using namespace igtl;

static Socket* line;

static MessageHeader::Pointer next() {
  MessageHeader::Pointer header = MessageHeader::New();
  header->InitPack();
  if (line->Receive(header->GetPackPointer(), header->GetPackSize()) != header->GetPackSize()) return NULL;
  header->Unpack();
  return header;
}

template <class M>
typename M::Pointer body(MessageHeader* header) {
  typename M::Pointer message = M::New();
  message->SetMessageHeader(header);
  message->AllocatePack();
  line->Receive(message->GetPackBodyPointer(), message->GetPackBodySize());
  if (message->GetPackBodySize() && !(message->Unpack(1) & MessageHeader::UNPACK_BODY)) { printf("%s CHECKSUM\n", header->GetDeviceType()); exit(4); }
  return message;
}

static bool is(MessageHeader* header, const char* type) { return strcmp(header->GetDeviceType(), type) == 0; }

template <class M>
static void send(M* message, const char* device) {
  message->SetDeviceName(device);
  message->Pack();
  line->Send(message->GetPackPointer(), message->GetPackSize());
}

template <class Get>
static void get(const char* device) { typename Get::Pointer message = Get::New(); send(message.GetPointer(), device); }

static void told(MessageHeader* header) {
  printf("%s %s ", header->GetDeviceType(), header->GetDeviceName());
  if (is(header, "CAPABILITY")) {
    CapabilityMessage::Pointer m = body<CapabilityMessage>(header);
    for (int i = 0; i < m->GetNumberOfTypes(); i++) printf("%s ", m->GetType(i));
  } else if (is(header, "STATUS")) {
    StatusMessage::Pointer m = body<StatusMessage>(header);
    printf("%d %s", m->GetCode(), m->GetStatusString());
  } else if (is(header, "RTS_TDATA")) {
    RTSTrackingDataMessage::Pointer m = body<RTSTrackingDataMessage>(header);
    printf("%d", m->GetStatus());
  } else if (is(header, "TDATA")) {
    TrackingDataMessage::Pointer m = body<TrackingDataMessage>(header);
    TimeStamp::Pointer stamp = TimeStamp::New();
    header->GetTimeStamp(stamp);
    for (int i = 0; i < m->GetNumberOfTrackingDataElements(); i++) {
      TrackingDataElement::Pointer e;
      m->GetTrackingDataElement(i, e);
      float x, y, z; e->GetPosition(&x, &y, &z);
      printf("%s %.1f %.1f %.1f ", e->GetName(), x, y, z);
    }
    printf("at %.3f", stamp->GetTimeStamp());
  } else if (is(header, "POLYDATA")) {
    PolyDataMessage::Pointer m = body<PolyDataMessage>(header);
    printf("%d points %d polygons", m->GetPoints()->GetNumberOfPoints(), m->GetPolygons()->GetNumberOfCells());
  } else if (is(header, "POINT")) {
    PointMessage::Pointer m = body<PointMessage>(header);
    PointElement::Pointer e; m->GetPointElement(0, e);
    printf("%d %s", m->GetNumberOfPointElement(), e->GetName());
  } else if (is(header, "TRAJ")) {
    TrajectoryMessage::Pointer m = body<TrajectoryMessage>(header);
    TrajectoryElement::Pointer e; m->GetTrajectoryElement(0, e);
    printf("%d %s", m->GetNumberOfTrajectoryElement(), e->GetName());
  } else if (is(header, "LBMETA")) {
    LabelMetaMessage::Pointer m = body<LabelMetaMessage>(header);
    LabelMetaElement::Pointer e; m->GetLabelMetaElement(0, e);
    printf("%d %s", m->GetNumberOfLabelMetaElement(), e->GetName());
  } else if (is(header, "IMGMETA")) {
    ImageMetaMessage::Pointer m = body<ImageMetaMessage>(header);
    printf("%d", m->GetNumberOfImageMetaElement());
  } else if (is(header, "IMAGE")) {
    ImageMessage::Pointer m = body<ImageMessage>(header);
    int size[3]; m->GetDimensions(size);
    printf("%d %d %d", size[0], size[1], size[2]);
  } else if (is(header, "TRANSFORM")) {
    TransformMessage::Pointer m = body<TransformMessage>(header);
    Matrix4x4 matrix; m->GetMatrix(matrix);
    printf("%.1f %.1f %.1f", matrix[0][3], matrix[1][3], matrix[2][3]);
  } else {
    line->Skip(header->GetBodySizeToRead(), 0);
  }
  printf("\n");
}

static void answer() {
  MessageHeader::Pointer header = next();
  if (header.IsNull()) { printf("CLOSED\n"); exit(5); }
  told(header);
}

static int ask(int port) {
  ClientSocket::Pointer socket = ClientSocket::New();
  if (socket->ConnectToServer("127.0.0.1", port) != 0) return 2;
  line = socket;
  socket->SetTimeout(10000);
  get<GetCapabilityMessage>(""); answer();
  get<GetStatusMessage>(""); answer();
  StartTrackingDataMessage::Pointer start = StartTrackingDataMessage::New();
  start->SetResolution(5); start->SetCoordinateName("Patient");
  send(start.GetPointer(), "tracker");
  for (int i = 0; i < 6; i++) answer();
  StopTrackingDataMessage::Pointer stop = StopTrackingDataMessage::New();
  send(stop.GetPointer(), "tracker");
  for (;;) {
    MessageHeader::Pointer header = next();
    if (header.IsNull()) return 5;
    bool is_last = is(header, "RTS_TDATA");
    told(header);
    if (is_last) break;
  }
  start->SetCoordinateName("Moon");
  send(start.GetPointer(), "tracker"); answer();
  get<GetPolyDataMessage>("liver"); answer();
  get<GetPolyDataMessage>("nobody"); answer();
  get<GetPointMessage>(""); answer();
  get<GetTrajectoryMessage>(""); answer();
  get<GetLabelMetaMessage>(""); answer();
  get<GetImageMetaMessage>(""); answer();
  get<GetImageMessage>("CT"); answer();
  get<GetTransformMessage>("Stylus"); answer();
  socket->CloseSocket();
  return 0;
}

static int serve(int port) {
  ServerSocket::Pointer server = ServerSocket::New();
  if (server->CreateServer(port) < 0) return 2;
  printf("ready\n"); fflush(stdout);
  ClientSocket::Pointer socket = server->WaitForConnection(20000);
  if (socket.IsNull()) return 3;
  line = socket;
  socket->SetReceiveTimeout(10);
  int interval = -1;
  for (int n = 0; n < 4000; n++) {
    MessageHeader::Pointer header = MessageHeader::New();
    header->InitPack();
    int got = line->Receive(header->GetPackPointer(), header->GetPackSize());
    if (got == 0) break;
    if (got == header->GetPackSize()) {
      header->Unpack();
      if (is(header, "STT_TDATA")) {
        StartTrackingDataMessage::Pointer start = body<StartTrackingDataMessage>(header);
        interval = start->GetResolution();
        printf("start %d %s\n", interval, start->GetCoordinateName()); fflush(stdout);
        RTSTrackingDataMessage::Pointer ready = RTSTrackingDataMessage::New();
        ready->SetStatus(0);
        send(ready.GetPointer(), "");
      } else if (is(header, "STP_TDATA")) { printf("stop\n"); fflush(stdout); return 0; }
      else line->Skip(header->GetBodySizeToRead(), 0);
    }
    if (interval >= 0) {
      TrackingDataMessage::Pointer message = TrackingDataMessage::New();
      TrackingDataElement::Pointer e = TrackingDataElement::New();
      Matrix4x4 m; IdentityMatrix(m); m[0][3] = 10 + n * 0.01; m[1][3] = -20; m[2][3] = 30;
      e->SetName("Stylus"); e->SetType(TrackingDataElement::TYPE_6D); e->SetMatrix(m);
      message->AddTrackingDataElement(e);
      TimeStamp::Pointer stamp = TimeStamp::New(); stamp->GetTime();
      message->SetTimeStamp(stamp);
      send(message.GetPointer(), "tracker");
    }
  }
  return 6;
}

int main(int, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  int port = atoi(argv[2]);
  return strcmp(argv[1], "ask") == 0 ? ask(port) : serve(port);
}
