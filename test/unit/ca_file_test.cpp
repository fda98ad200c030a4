// The file of certificates to trust: only a regular one is read, and nothing is waited for.

#include "flex/ca_file.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using flex::read_ca_file;

class CaFileTest : public testing::Test {
protected:
    CaFileTest() : folder_(std::filesystem::temp_directory_path() / ("ca_file." + std::to_string(getpid())))
    {
        std::filesystem::create_directories(folder_);
    }
    ~CaFileTest() override { std::filesystem::remove_all(folder_); }

    std::string path(const char *name) const { return folder_ / name; }
    std::string write(const char *name, const std::string &text) const
    {
        std::ofstream(path(name)) << text;
        return path(name);
    }

private:
    std::filesystem::path folder_;
};

TEST_F(CaFileTest, a_regular_file_is_read_whole)
{
    const std::string text = std::string(40000, 'x') + "\n";
    EXPECT_EQ(read_ca_file(write("ca.pem", text)).authorities, text);
    EXPECT_EQ(read_ca_file(write("ca.pem", "other")).authorities, "other");
    symlink(path("ca.pem").c_str(), path("link").c_str());
    EXPECT_EQ(read_ca_file(path("link")).authorities, "other");
}

TEST_F(CaFileTest, up_to_four_megabytes)
{
    EXPECT_EQ(read_ca_file(write("most", std::string(4 << 20, 'x'))).error, "");
    const flex::CaFile file = read_ca_file(write("more", std::string((4 << 20) + 1, 'x')));
    EXPECT_EQ(file.error, "the file of the option \"ca_file\" is larger than 4 MB");
    EXPECT_EQ(file.authorities, "");
    ASSERT_EQ(truncate(write("sparse", "").c_str(), off_t{1} << 40), 0);
    EXPECT_EQ(read_ca_file(path("sparse")).error, "the file of the option \"ca_file\" is larger than 4 MB");
}

TEST_F(CaFileTest, what_is_no_regular_file_is_not_read)
{
    ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const std::string descriptor = "/proc/self/fd/" + std::to_string(pipe_ends[0]);
    for (const std::string &name : {path("fifo"), path("."), descriptor, std::string("/dev/tty"),
                                    std::string("/dev/null"), std::string("/dev/zero"), std::string("/")}) {
        const flex::CaFile file = read_ca_file(name);
        EXPECT_EQ(file.error, "the file of the option \"ca_file\" is not a regular file") << name;
        EXPECT_EQ(file.authorities, "") << name;
    }
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

TEST_F(CaFileTest, what_cannot_be_opened_is_told)
{
    EXPECT_NE(read_ca_file(path("nothing")).error.find("could not be read: "), std::string::npos);
    EXPECT_NE(read_ca_file(path("nothing") + "/below").error.find("could not be read: "), std::string::npos);
    EXPECT_EQ(read_ca_file(write("empty", "")).error, "the file of the option \"ca_file\" is empty");
    EXPECT_NE(read_ca_file(std::string(5000, 'x')).error, "");
    EXPECT_NE(read_ca_file("").error, "");
}

TEST_F(CaFileTest, no_descriptor_is_left_open)
{
    const auto count = [] {
        const std::filesystem::directory_iterator open_ones("/proc/self/fd");
        return std::distance(begin(open_ones), end(open_ones));
    };
    const auto before = count();
    read_ca_file(write("ca.pem", "text"));
    read_ca_file(write("empty", ""));
    read_ca_file(write("more", std::string((4 << 20) + 1, 'x')));
    read_ca_file(path("."));
    EXPECT_EQ(count(), before);
}

} // namespace
