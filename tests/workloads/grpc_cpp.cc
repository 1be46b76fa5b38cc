// A gRPC server and a gRPC client in C++, without generated code. Methods and commands are those of
// grpc_server.py and grpc_session.py.
//
// grpc_cpp serve PORT
// grpc_cpp session PORT

#include <chrono>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

using grpc::ByteBuffer;
using grpc::Status;
using grpc::StatusCode;

static ByteBuffer bytes(const std::string& text) {
  grpc::Slice slice(text);
  return ByteBuffer(&slice, 1);
}

static std::string text(const ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.TrySingleSlice(&slice).ok()) buffer.DumpToSingleSlice(&slice);
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

// One call at the server.
class Call : public grpc::ServerGenericBidiReactor {
 public:
  explicit Call(std::string method) : method_(std::move(method)) { StartRead(&request_); }

  void OnReadDone(bool more) override {
    if (method_ == "/shop.Orders/Chat") {
      if (!more) return Finish(Status::OK);
      response_ = request_;
      StartWrite(&response_);
    } else if (method_ == "/shop.Orders/Upload") {
      if (more) {
        ++came_;
        return StartRead(&request_);
      }
      last(std::to_string(came_));
    } else if (!more) {
      Finish(Status(StatusCode::INVALID_ARGUMENT, "no message"));
    } else if (method_ == "/shop.Orders/List") {
      left_ = std::stoi(text(request_));
      next();
    } else if (method_ == "/shop.Orders/Get") {
      const std::string key = text(request_);
      if (key == "missing") return Finish(Status(StatusCode::NOT_FOUND, "no such order"));
      if (key == "broken") return Finish(Status(StatusCode::INTERNAL, "out of order"));
      if (key == "slow") return;  // Until it is cancelled.
      last(key);
    } else {
      Finish(Status(StatusCode::UNIMPLEMENTED, "no such method"));
    }
  }

  void OnWriteDone(bool) override {
    if (method_ == "/shop.Orders/Chat") {
      StartRead(&request_);
    } else {
      next();
    }
  }

  void OnCancel() override {
    if (method_ == "/shop.Orders/Get") Finish(Status::CANCELLED);
  }

  void OnDone() override { delete this; }

 private:
  void last(const std::string& answer) {
    response_ = bytes(answer);
    StartWriteAndFinish(&response_, grpc::WriteOptions(), Status::OK);
  }

  void next() {
    if (left_ == 0) return Finish(Status::OK);
    --left_;
    response_ = bytes("item");
    StartWrite(&response_);
  }

  std::string method_;
  ByteBuffer request_, response_;
  int came_ = 0, left_ = 0;
};

class Service : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Call(context->method());
  }
};

static int serve(const std::string& address) {
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&service);
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
  return 0;
}

static const char* name(StatusCode code) {
  switch (code) {
    case StatusCode::OK: return "OK";
    case StatusCode::NOT_FOUND: return "NOT_FOUND";
    case StatusCode::INTERNAL: return "INTERNAL";
    case StatusCode::DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
    default: return "UNEXPECTED";
  }
}

// One call at the client; every step is waited for.
class Asked {
 public:
  Asked(grpc::GenericStub& stub, const std::string& method, int milliseconds = 30000) {
    context_.set_deadline(std::chrono::system_clock::now() +
                          std::chrono::milliseconds(milliseconds));
    stream_ = stub.PrepareCall(&context_, "/shop.Orders/" + method, &queue_);
    stream_->StartCall(this);
    wait();
  }

  void say(const std::string& message) {
    stream_->Write(bytes(message), this);
    wait();
  }

  void done() {
    stream_->WritesDone(this);
    wait();
  }

  bool hear(std::string* answer) {
    ByteBuffer buffer;
    stream_->Read(&buffer, this);
    if (!wait()) return false;
    *answer = text(buffer);
    return true;
  }

  const char* end() {
    Status status;
    stream_->Finish(&status, this);
    wait();
    return name(status.error_code());
  }

 private:
  bool wait() {
    void* tag;
    bool succeeded = false;
    queue_.Next(&tag, &succeeded);
    return succeeded;
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

static std::string ask(grpc::GenericStub& stub, const std::string& command,
                       const std::string& argument) {
  std::ostringstream said;
  std::string answer;
  if (command == "get" || command == "deadline") {
    const bool late = command == "deadline";
    Asked call(stub, "Get", late ? std::stoi(argument) : 30000);
    call.say(late ? "slow" : argument);
    call.done();
    const bool answered = call.hear(&answer);
    said << call.end() << (answered ? " " + answer : "");
  } else if (command == "list" || command == "upload") {
    const bool up = command == "upload";
    Asked call(stub, up ? "Upload" : "List");
    for (int i = 0; up && i < std::stoi(argument); ++i) call.say("item");
    if (!up) call.say(argument);
    call.done();
    int came = 0;
    while (call.hear(&answer)) ++came;
    said << call.end() << " " << (up ? answer : std::to_string(came));
  } else {
    const int count = std::stoi(argument);
    std::vector<std::unique_ptr<Asked>> calls;
    for (int i = 0; i < (command == "hold" ? count : 1); ++i) {
      calls.push_back(std::make_unique<Asked>(stub, "Chat"));
    }
    for (auto& call : calls) {
      for (int i = 0; i < (command == "hold" ? 1 : count); ++i) {
        call->say("hello");
        call->hear(&answer);
      }
    }
    std::set<std::string> ends;
    for (auto& call : calls) {
      call->done();
      call->hear(&answer);
      ends.insert(call->end());
    }
    for (auto& end : ends) said << end << " ";
    said << count;
  }
  return said.str();
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string address = std::string("127.0.0.1:") + arguments[2];
  if (arguments[1] == std::string("serve")) return serve(address);
  grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto space = line.find(' ');
    std::cout << ask(stub, line.substr(0, space), line.substr(space + 1)) << std::endl;
  }
}
